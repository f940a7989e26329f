"""Questions: GET alone, answered from memory or from the tables of the last sealed cycle."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from margin_assets.dashboard import rates_questions
from margin_assets.dashboard.desk import Desk, answered
from margin_assets.dashboard.figures import LEVELS
from margin_assets.dashboard.live import state
from margin_assets.dashboard.pages import accounts, firm, one_account, quality
from margin_assets.dashboard.pages.avalanche import Runs
from margin_assets.dashboard.pages.backtests import Backtests
from margin_assets.lake.ledger.adoptions import decided_as
from margin_assets.rulebooks import Rulebook, in_force, versions

AccountName = Annotated[str, Field(pattern=r"^[ -~]{1,128}$")]
AccountId = Annotated[str, InPath(pattern=r"^[ -~]{1,128}$")]
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
RunId = Annotated[str | None, Query(pattern="^[0-9a-f]{32}$")]
Limit = Annotated[int, Query(ge=1, le=200)]
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "No such account."}}
_LAST_RULES = "house"


def _list_of(words: Iterable[str], sign: str = "") -> str:
    """Pattern of words of an allow-list with commas between them."""
    word = f"{sign}(?:{'|'.join(words)})"
    return f"^{word}(?:,{word})*$"


class Asked(BaseModel):
    """A question for rows of the accounts page."""

    model_config = ConfigDict(extra="forbid")

    sort: str = Field(
        accounts.DEFAULT_SORT, max_length=200, pattern=_list_of(accounts.SORTABLE, "-?")
    )
    state: str | None = Field(None, max_length=100, pattern=_list_of(accounts.STATES))
    account_type: Literal["cash", "reg_t", "portfolio_margin"] | None = None
    rule: Literal["reg_t", "portfolio_margin", "house"] | None = None
    q: str = Field("", max_length=40)
    symbol: str = Field("", max_length=32)
    id: list[AccountName] = Field(default=[], max_length=200)
    due_within: int | None = Field(None, ge=1, le=100_000)
    called_within: int | None = Field(None, ge=1, le=100_000)
    breach_at: str | None = Field(None, pattern=r"^SPY (?:0|[+-][0-9]{1,2})%$")
    offset: int = Field(0, ge=0, le=10_000_000)
    limit: int = Field(100, ge=1, le=200)


def router(desk: Desk) -> APIRouter:
    """All questions of the pages."""
    routes = APIRouter(prefix="/api", responses={422: {"description": "Not a question."}})
    _add_accounts(routes, desk)
    _add_account(routes, desk)
    _add_avalanche(routes, desk)
    _add_backtests(routes, desk)
    rates_questions.add(routes, desk)
    for path, answer in _whole(desk).items():
        routes.add_api_route(path, answer, methods=["GET"])
    return routes


def _add_accounts(routes: APIRouter, desk: Desk) -> None:
    @routes.get("/accounts", responses={404: {"description": "No such scenario."}})
    def rows(asked: Annotated[Asked, Query()]) -> Response:
        """Accounts that fulfil the filters: one window of them, and how many there are."""
        window = desk.window()
        query = _query(desk, asked)
        if query.breach_at is not None and query.breach_at not in window.figures.scenarios:
            raise HTTPException(404, "this cycle has no such scenario")
        return answered(
            window.once(query, lambda: accounts.rows(window.figures, window.accounts, query))
        )


def _query(desk: Desk, asked: Asked) -> accounts.Query:
    return accounts.Query(
        sort=accounts.parsed_sort(asked.sort),
        states=tuple(sorted(set(asked.state.split(",")))) if asked.state else (),
        account_type=asked.account_type,
        rule=asked.rule,
        text=asked.q,
        due_within=asked.due_within,
        called_within=asked.called_within,
        breach_at=asked.breach_at,
        among=_among(desk, asked),
        offset=asked.offset,
        limit=asked.limit,
    )


def _among(desk: Desk, asked: Asked) -> frozenset[str] | None:
    """The accounts that are named, and hold the symbol that is; None where all are asked for."""
    holders = desk.holders(asked.symbol) if asked.symbol else None
    if not asked.id:
        return holders
    return frozenset(asked.id) if holders is None else holders & frozenset(asked.id)


def _add_account(routes: APIRouter, desk: Desk) -> None:
    # An id may hold any printable character: what follows it in a path tells the question.
    @routes.get("/accounts/{account_id:path}/figures", responses=NOT_FOUND)
    def figures(account_id: AccountId) -> Response:
        """The figures of one account as of the newest cycle, cents."""
        window = desk.window()
        found = one_account.figures_of(window.figures, window.accounts, account_id)
        if found is None:
            raise HTTPException(404, "no such account")
        return answered(window.once(("figures", account_id), lambda: found))

    @routes.get("/accounts/{account_id:path}/positions", responses=NOT_FOUND)
    def positions(account_id: AccountId, offset: Offset = 0, limit: Limit = 100) -> Response:
        """Its positions as sealed, the largest first."""
        _known(desk, account_id)
        key = ("positions", account_id, offset, limit)
        return answered(
            desk.sealed.once(
                key, lambda: one_account.positions(desk.sealed, account_id, offset, limit)
            )
        )

    sealed, follower = desk.sealed, desk.follower
    parts: dict[str, Callable[[str], dict[str, Any]]] = {
        "requirements": lambda name: sealed.once(
            ("requirements", name), lambda: one_account.requirements(sealed, name)
        ),
        "history": lambda name: sealed.once(
            ("history", name), lambda: one_account.history(sealed, follower, name)
        ),
        "desk": lambda name: one_account.desk(sealed, name),
    }
    for part, make in parts.items():
        path = f"/accounts/{{account_id:path}}/{part}"
        routes.add_api_route(path, _part(desk, part, make), methods=["GET"], responses=NOT_FOUND)


def _part(
    desk: Desk, part: str, make: Callable[[str], dict[str, Any]]
) -> Callable[[AccountId], Response]:
    def answer(account_id: AccountId) -> Response:
        _known(desk, account_id)
        return answered(make(account_id))

    answer.__name__ = part
    answer.__doc__ = f"Its {part} as of the last sealed cycle."
    return answer


def _known(desk: Desk, account: str) -> None:
    if desk.window().figures.accounts["account_id"].index_of(account) is None:
        raise HTTPException(404, "no such account")


def _add_avalanche(routes: APIRouter, desk: Desk) -> None:
    runs = Runs(desk.follower.lake, desk.sealed)

    @routes.get("/avalanche", responses={404: {"description": "No such run."}})
    def avalanche(run: RunId = None) -> Response:
        """A run of the margin-call avalanche with its answers; the newest where none is named."""
        found = runs.chosen(run)
        if found is None:
            raise HTTPException(404, "no such run, or it has no answers")
        return answered(_cycled(desk) | found)

    @routes.get("/avalanche/trend")
    def trend() -> Response:
        """How near each book came, in the order in which they came."""
        return answered(_cycled(desk) | runs.trend())


def _add_backtests(routes: APIRouter, desk: Desk) -> None:
    runs = Backtests(desk.follower.lake, desk.sealed)

    @routes.get("/backtests", responses={404: {"description": "No such run."}})
    def backtests(run: RunId = None) -> Response:
        """A backtest that the lake holds, and all of them side by side."""
        found = runs.chosen(run)
        if found is None:
            raise HTTPException(404, "no such run")
        return answered(_cycled(desk) | found)


def _cycled(desk: Desk) -> dict[str, Any]:
    return {"cycle": desk.follower.figures.cycle}


def _whole(desk: Desk) -> dict[str, Callable[[], Response]]:
    def about() -> Response:
        """What the pages print of the rules: levels, and the numbers behind them."""
        return answered(_about(desk))

    def cycle() -> Response:
        """The newest cycle, as the websocket tells it."""
        return answered(state(desk.follower))

    def firm_page() -> Response:
        """The firm: scenarios, states, names, limits."""
        window = desk.window()
        return answered(window.once("firm", lambda: firm.firm(desk.sealed, desk.follower)))

    def names() -> Response:
        """The names that customers hold most of."""
        return answered(firm.names(desk.sealed))

    def quality_page() -> Response:
        """Feeds, prices, refused rows, checks, health."""
        return answered(quality.quality(desk.sealed, desk.follower, desk.landing))

    def executive_page() -> Response:
        """The figures of the whole, with the days before."""
        window = desk.window()
        return answered(
            window.once("executive", lambda: firm.executive(desk.sealed, desk.follower))
        )

    return {
        "/about": about,
        "/cycle": cycle,
        "/firm": firm_page,
        "/names": names,
        "/quality": quality_page,
        "/executive": executive_page,
    }


def _rulebook(desk: Desk) -> Rulebook:
    """The ladder's, as the last sealed cycle was decided by."""
    as_of, sealed = desk.follower.figures.as_of, desk.follower.sealed()
    if as_of is None or sealed is None:
        return in_force(_LAST_RULES, versions(_LAST_RULES)[-1])
    with decided_as(desk.follower.lake, sealed):
        return in_force(_LAST_RULES, as_of.date())


def _about(desk: Desk) -> dict[str, Any]:
    book = _rulebook(desk)
    return {
        "lake": desk.follower.lake.uri,
        "landing": str(desk.landing),
        "levels": LEVELS,
        "sortable": accounts.SORTABLE,
        "default_sort": accounts.DEFAULT_SORT,
        "rulebook": {
            "effective": book.effective.isoformat(),
            "source": book.numbers.get("source", ""),
            "ladder": book.numbers["ladder"],
            "stress": book.numbers["stress"],
        },
    }
