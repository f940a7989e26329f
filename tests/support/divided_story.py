"""A small firm's day with mischief between accounts of different divisions, a batch a cycle."""

from collections.abc import Iterator
from decimal import Decimal

from tests.support.live_driver import (
    Firm,
    Row,
    account,
    at,
    beta,
    cash,
    fill,
    instrument,
    price,
    text,
)

NAMES = ("A", "B", "C", "D", "E", "F")
_TYPES = ("reg_t", "portfolio_margin", "cash")


def _limit(limit_id: str, metric: str, scope: str, amount: str) -> Row:
    row: Row = {"limit_id": limit_id, "metric": metric, "scope": scope, "owner": "risk"}
    return row | {"amount": Decimal(amount), "event_time": text(at())}


def _act(action_id: str, kind: str, subject: str, when: int) -> Row:
    row = {"action_id": action_id, "kind": kind, "subject": subject, "actor": "mia"}
    return row | {"reason": "seen", "event_time": text(at(when))}


def batches(firm: Firm) -> Iterator[dict[str, list[Row]]]:
    """Five batches; ids of what people act on are those of a firm that has run those before."""
    yield {
        "accounts": [account(name, _TYPES[n % 3]) for n, name in enumerate(NAMES)],
        "instruments": [instrument("X"), instrument("Y", class_group="X")],
        "betas": [beta("X", "2", "2020-03-09"), beta("Y", "1.1", "2020-03-09")],
        "cash_movements": [cash(f"M{name}", name, "6000") for name in NAMES],
        "fills": [fill(f"F{name}", "100", "100.03", account_id=name) for name in NAMES],
        "prices": [price("X", "100")],
        "limits": [
            _limit("EXPOSURE", "beta_weighted_exposure", "firm", "20000"),
            _limit("NAME", "gross_share", "symbol", "0.5"),
            _limit("CLIENT", "worst_scenario_loss", "account", "2000"),
        ],
    }
    yield {
        "fills": [
            # The id of another's fill with other content, and a bust of another's.
            fill("FA", "1", "100", at(1), account_id="B"),
            fill("FX", "0", "100", at(1), account_id="C", corrects="FD"),
            # Of a symbol without a price the last fill marks what everybody holds.
            fill("FY", "7", "31.07", at(2), account_id="E", symbol="Y"),
            fill("FZ", "3", "31.09", at(3), account_id="F", symbol="Y"),
        ],
        "prices": [price("X", "93", at(3))],
    }
    breach, call = (firm.rows(*of)[0][0] for of in _ABOUT)
    yield {
        "desk_actions": [
            _act("D1", "breach_acknowledge", breach, 4),
            _act("D2", "breach_acknowledge", "0" * 32, 4),
            _act("D3", "call_extend", call, 5),
            _act("D4", "call_extend", "2" * 32, 5)
            | {"details": '{"until": "2020-03-20T20:00:00Z"}'},
        ],
        "cash_movements": [cash("MA", "C", "5", at(5)), cash("N", "C", "500", at(5))],
        "fills": [fill("FB", "-20", "93", at(6), account_id="B")],
    }
    yield {"prices": [price("X", "61", at(9)), price("Y", "30", at(9))]}
    bust = fill("FA2", "0", "100", at(11), account_id="A", corrects="FA")
    yield {"prices": [price("X", "140", at(12))], "fills": [bust]}


_ABOUT = (("limit_breaches", "breach_id"), ("margin_calls", "call_id"))
