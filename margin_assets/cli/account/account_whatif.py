"""An account of a lake with other prices and positions: told before and after."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from margin_assets.cli import output
from margin_assets.cli.documents.files import refused_by_fault
from margin_assets.cli.moments import DEFAULT_SCRATCH, at_moment
from margin_assets.cli.options import chosen_cycle, opened_lake
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.lake.ledger.moment import Moment
    from margin_assets.whatif.document import Document

Answer = dict[str, Any]
_TABLES = (
    "account_state",
    "positions",
    "special_memorandum_accounts",
    "option_adjustments",
    "instruments",
    "corporate_actions",
    "rates",
)
_FIGURES = ("equity", "net_liquidation", "long_market_value", "short_market_value", "cash")
_METHODS = ("reg_t", "portfolio_margin", "house")


class Changes(NamedTuple):
    """What is asked of an account."""

    shocks: list[str]
    additions: list[Path]
    as_of: datetime | None


def show_changed(lake: str, account: str, changes: Changes, *, as_json: bool) -> None:
    """Margins an account of a lake before and after changes, and says both."""
    from margin_assets.desk.account_document import NoDocument, account_document
    from margin_assets.lake.ledger.adoptions import decided_as
    from margin_assets.whatif import answer
    from margin_assets.whatif.changes import parse_shock, shocked

    held = opened_lake(lake)
    sealed = chosen_cycle(held, as_of=changes.as_of)
    if sealed is None or sealed.as_of is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    with refused_by_fault("--shock"):
        shocks = [parse_shock(text) for text in changes.shocks]
    with (
        at_moment(held, sealed, _TABLES, DEFAULT_SCRATCH, recompute=False) as then,
        decided_as(held, sealed),
    ):
        try:
            before = account_document(then, account)
            after = _with(before, changes.additions, then, sealed.as_of)
        except NoDocument as missing:
            raise Refusal(str(missing)) from None
        with refused_by_fault("--shock"):
            after = shocked(after, shocks)
        found = {
            "account_id": account,
            "cycle": sealed.cycle,
            "as_of": sealed.as_of,
            "shocks": changes.shocks,
            "before": answer(before),
            "after": answer(after),
            "document": after.model_dump(exclude_none=True),
        }
    if as_json:
        output.answer(found)
    else:
        _show(found)


def _with(
    document: "Document", additions: list[Path], tables: "Moment", as_of: datetime
) -> "Document":
    import polars as pl

    from margin_assets.desk.known_symbols import known_symbols
    from margin_assets.kernels.numeric.money import instants
    from margin_assets.whatif.changes import added
    from margin_assets.whatif.parsing import parse_addition

    at = instants(pl.Series([as_of])).item()
    for path in additions:
        try:
            text = path.read_bytes()
        except OSError as error:
            raise Refusal(f"--add {path} cannot be read: {error.strerror}") from None
        with refused_by_fault(str(path)):
            addition = parse_addition(text)
            known = known_symbols(tables, addition.symbols, at)
            document = added(document, addition, known)
    return document


def _show(found: Answer) -> None:
    from margin_assets.cli.account.whatif_view import show

    before, after = found["before"], found["after"]
    when = output.instant(found["as_of"])
    asked = ", ".join(found["shocks"]) or "no shock"
    output.say(f"{found['account_id']} as sealed in cycle {found['cycle']} ({when}); {asked}")
    rows = [(name.replace("_", " "), before[name], after[name]) for name in _FIGURES]
    for method in _METHODS:
        for name in ("requirement", "excess"):
            told = "maintenance_requirement" if (method, name) == ("reg_t", "requirement") else name
            rows.append(
                (f"{method} {name}".replace("_", " "), before[method][told], after[method][told])
            )
    output.table(
        ("USD", "before", "after", "change"),
        [(name, *map(output.usd, (was, now, now - was))) for name, was, now in rows],
    )
    show(after)
