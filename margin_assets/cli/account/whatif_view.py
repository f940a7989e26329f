"""The answer to a portfolio document, for a person."""

from typing import Any

from margin_assets.cli import output

Document = dict[str, Any]


def show(answer: Document) -> None:
    """The answer's main figures, by method, class group and scenario."""
    output.say(f"{answer['account_id']} as of {answer['as_of']}: {answer['status']}")
    output.say(
        f"equity {_text(answer['equity'])}, long {_text(answer['long_market_value'])}, "
        f"short {_text(answer['short_market_value'])}"
    )
    for kind in ("indeterminate_reasons", "flags"):
        for found in answer.get(kind) or ():
            where = found["symbol"] or "account"
            output.say(f"{kind.split('_')[0]}: {where}: {', '.join(found['reasons'])}")
    _methods(answer)
    _groups(answer)
    _stress(answer["stress"])
    output.say(
        f"cheaper method: {answer['margin_method']}; portfolio margin saves "
        f"{_text(answer['margin_savings'])}"
    )
    books = (f"{family} {day}" for family, day in answer["rulebooks"].items())
    output.say(f"rulebooks: {', '.join(books)}", hang=11)


def _text(amount: float | None) -> str:
    return output.shown(output.usd(amount))


def _methods(answer: Document) -> None:
    reg_t, portfolio, house = answer["reg_t"], answer["portfolio_margin"], answer["house"]
    note = "" if portfolio["eligible"] else "not eligible: " + ", ".join(portfolio["reasons"])
    maintenance = reg_t["maintenance_requirement"]
    output.table(
        ("method", "requirement (USD)", "excess (USD)", ""),
        [
            ("reg_t maintenance", *map(output.usd, (maintenance, reg_t["excess"])), ""),
            ("reg_t initial", output.usd(reg_t["initial_requirement"]), None, ""),
            (
                "portfolio_margin",
                *map(output.usd, (portfolio["requirement"], portfolio["excess"])),
                note,
            ),
            ("house", *map(output.usd, (house["requirement"], house["excess"])), ""),
        ],
    )


def _groups(answer: Document) -> None:
    groups = [
        (
            g["symbol"],
            g["strategy"],
            g["rule"],
            output.usd(g["market_value"]),
            output.usd(g["maintenance_requirement"]),
            output.usd(g["initial_requirement"]),
        )
        for g in answer["reg_t"]["groups"]
    ]
    if groups:
        heads = ("symbol", "strategy", "rule", "market value", "maintenance", "initial")
        output.table(heads, groups)
    classes = [
        (
            c["class_group"],
            c["worst_point"],
            output.usd(c["scan_risk"]),
            output.usd(c["requirement"]),
        )
        for c in answer["portfolio_margin"]["class_groups"]
    ]
    if classes:
        output.table(("class group", "worst point", "scan risk", "requirement (USD)"), classes)


def _stress(rows: list[Document]) -> None:
    cells = [
        (
            r["scenario"],
            *(output.usd(r[n]) for n in ("pnl", "equity", "requirement", "excess")),
            r["underwater"],
        )
        for r in rows
    ]
    output.table(("scenario", "P&L", "equity", "requirement", "excess", "underwater"), cells)
