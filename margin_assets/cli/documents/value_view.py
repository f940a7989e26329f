"""The answer to a valuation document, for a person."""

from collections.abc import Iterable
from typing import Any

from margin_assets.cli import output

Document = dict[str, Any]
_BOND = (
    "clean_price",
    "accrued",
    "dirty_price",
    "yield",
    "discount_rate",
    "investment_rate",
    "z_spread",
)


def show(answer: Document) -> None:
    """Instruments, bond prices, key rates, scenarios and totals, as far as there are any."""
    rows, totals = answer["instruments"], answer["totals"]
    output.say(f"{answer['valuation_date']}, amounts in each instrument's currency")
    _instruments(rows)
    _columns("bond", rows, _BOND)
    _nested("key rate DV01", [*rows, totals | {"id": "all"}], "key_rates")
    _nested("scenario P&L", rows, "scenarios")
    _historical(answer.get("historical", {}))
    if rows:
        output.say(
            f"total in {totals['currency']}: NPV {totals['npv']:,.2f}, DV01 {totals['dv01']:,.2f}"
        )
    for left_out in totals["not_included"]:
        output.say(f"not included: {left_out['id']}: {left_out['reason']}")


def _instruments(rows: list[Document]) -> None:
    cells = [
        (r["id"], r["kind"], r["currency"], *(_cents(r.get(n)) for n in _AMOUNTS), r["status"])
        for r in rows
    ]
    if cells:
        output.table(("instrument", "kind", "", "NPV", "DV01", "par DV01", "CS01", "status"), cells)


_AMOUNTS = ("npv", "dv01", "par_dv01", "cs01")


def _cents(amount: float | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"


def _columns(title: str, rows: list[Document], names: Iterable[str]) -> None:
    """The figures of rows that have any of them, without columns that nobody has."""
    held = [name for name in names if any(row.get(name) is not None for row in rows)]
    cells = [
        (row["id"], *(row.get(name) for name in held))
        for row in rows
        if any(row.get(name) is not None for name in held)
    ]
    if cells:
        heads = (name.replace("_", " ") for name in held)
        output.table((title, *heads), cells)


def _nested(title: str, rows: list[Document], key: str) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row.get(key, {})))
    cells = [
        (row["id"], *(_cents(row[key].get(name)) for name in names)) for row in rows if row.get(key)
    ]
    if cells and names:
        output.table((title, *names), cells)


def _historical(series: dict[str, list[Document]]) -> None:
    cells = [
        (name, row["tail"], _cents(row["value_at_risk"]), _cents(row["expected_shortfall"]))
        for name, rows in series.items()
        for row in rows
    ]
    if cells:
        output.table(("results", "tail", "value at risk", "expected shortfall"), cells)
