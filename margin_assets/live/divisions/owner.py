"""The owner of a division: follows the firm's plans, each as a cycle of its own lake."""

import time
from collections.abc import Callable, Iterator

from margin_assets.lake.landing.archive import copied
from margin_assets.lake.landing.landing import Landing, Pending
from margin_assets.lake.ledger import adoptions
from margin_assets.lake.ledger.cycles import Plan
from margin_assets.lake.ledger.divisions import count_of, lake_of
from margin_assets.lake.store.division import Division
from margin_assets.lake.store.store import Lake
from margin_assets.live.divisions.watched import WatchedLedger
from margin_assets.live.session.session import CycleResult, Session

_POLL_SECONDS = 0.05


class Owner:
    """A session of one division. Its cycle n is the firm's plan n, over its own accounts."""

    def __init__(self, firm: Lake, number: int, session: Session | None = None) -> None:
        """Takes the firm's lake and which division of it; the session is made if none is given."""
        self._firm, self._plans = firm, WatchedLedger(firm)
        self.division = Division(number, count_of(firm))
        self.lake = lake_of(firm, number)
        self.session = session or Session(self.lake)
        self.ledger = self.session.ledger
        self.condition = self.session.condition
        self._adopted = 0
        """Acts of the firm that are in the division's lake."""

    def pending(self, landing: Landing) -> list[Pending]:
        """Nothing: what lands is the firm's to plan. Puts the division's book into memory."""
        del landing
        self.session.load()
        return []

    def run(
        self,
        landing: Landing | None = None,
        *,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[CycleResult]:
        """Follows plan after plan until told to stop; one that is open in its lake comes first."""
        del landing
        recovered = self.session.recover()
        if recovered is not None:
            yield recovered
        while not stop():
            result = self.step()
            if result is None:
                time.sleep(_POLL_SECONDS)
            else:
                yield result

    def step(self) -> CycleResult | None:
        """Follows the next plan; None if the firm has made none."""
        self.session.load()
        last = self.ledger.last_sealed()
        plan = self._plan_of(1 if last is None else last.cycle + 1)
        return None if plan is None else self._followed(plan)

    def _plan_of(self, cycle: int) -> Plan | None:
        """The firm's plan of a cycle: the open one, or of a division left behind an older one."""
        self._plans.look()
        plan, last = self._plans.open_plan(), self._plans.last_sealed()
        if plan is not None and plan.cycle == cycle:
            return plan
        return self._plans.planned(cycle) if last is not None and last.cycle >= cycle else None

    def _followed(self, plan: Plan) -> CycleResult:
        """One cycle over a plan; the division's lake gets all that it takes to replay it."""
        acts = adoptions.Adopted(self._firm).acts()
        for act in acts[self._adopted :]:
            adoptions.keep(self.lake, act)
        self._adopted = len(acts)
        copied(self._firm, self.lake, plan.manifest["archive"])
        return self.session.follow(plan.manifest | self.division.manifest)
