"""The verb of initial margin: portfolios of a CRIF file by SIMM or by schedule."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import JsonOption, example
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.crif import Opened

Documents = Iterator[list[dict[str, Any]]]


class Model(StrEnum):
    """What computes the margin."""

    SIMM = "simm"
    SCHEDULE = "schedule"
    BOTH = "both"


class Horizon(StrEnum):
    """Margin period of risk."""

    TEN_DAYS = "10d"
    ONE_DAY = "1d"


class Grouping(StrEnum):
    """What gets an answer of its own."""

    PORTFOLIO = "portfolio"


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    app.command(
        "im",
        epilog=example(
            "margin im crif.csv",
            "margin im crif.csv --version 2.6 --horizon 1d --json",
            "margin im crif.csv --model schedule --as-of 2026-03-31",
            "margin im crif.csv --model both --json",
            "margin im crif.csv --rate EUR=1.08 --rate JPY=0.0067",
            "margin im crif.csv --currency EUR --amounts-in EUR --rate EUR=1.08",
        ),
    )(initial_margin)


def initial_margin(  # noqa: PLR0913 (the options of the interface)
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Rows of CRIF, with a header.")],
    model: Annotated[Model, typer.Option(help="What computes the margin.")] = Model.SIMM,
    version: Annotated[
        str | None, typer.Option(metavar="V", help="Of SIMM, such as 2.6; else the newest held.")
    ] = None,
    horizon: Annotated[Horizon, typer.Option(help="Of SIMM.")] = Horizon.TEN_DAYS,
    currency: Annotated[
        str, typer.Option(metavar="CCY", help="Calculation currency: FX risk to it is none.")
    ] = "USD",
    by: Annotated[Grouping, typer.Option(help="What gets a figure.")] = Grouping.PORTFOLIO,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="ValuationDate of schedule rows that have none."),
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CCY=USD",
            help="Dollars for one unit: of amounts without AmountUSD, and of --amounts-in.",
        ),
    ] = None,
    amounts_in: Annotated[
        str, typer.Option(metavar="CCY", help="What answers are in; needs its --rate.")
    ] = "USD",
    as_json: JsonOption = False,
) -> None:
    """Initial margin of CRIF portfolios by SIMM or by schedule.

    Every portfolio is answered under each regulation that its rows name, for the side that
    collects and the side that posts; its total is the worst of them. A row that cannot be
    understood refuses its portfolio, by line; the others are answered. With --model both each row
    counts by its own model, and the margins are summed. Amounts are US dollars unless --amounts-in
    names another currency.

    SIMM is ISDA's: its commercial use needs a licence of ISDA.
    """
    del by  # one way so far
    from margin_assets import crif

    day = _day(as_of)
    question = crif.Question(
        model.value,
        version,
        horizon.value,
        currency.upper(),
        day,
        _rates(rate or []),
        amounts_in.upper(),
    )
    try:
        opened = crif.initial_margin(file, question)
        with _told(opened) as documents:
            show = _show_json if as_json else _show
            show(opened.head, documents)
    except crif.CrifError as error:
        raise Refusal(str(error)) from None


def _rates(texts: list[str]) -> dict[str, float]:
    rates: dict[str, float] = {}
    for text in texts:
        currency, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not CCY=USD, such as EUR=1.08") from None
        if currency.upper() in rates:
            raise typer.BadParameter(f"two rates of {currency.upper()}: keep one")
        rates[currency.upper()] = number
    return rates


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day as YYYY-MM-DD") from None


@contextmanager
def _told(opened: "Opened") -> Iterator[Documents]:
    """Documents by parts, with a bar of the rows that are behind them, and who was refused."""
    refused = 0
    with output.progress() as bar:
        task = bar.add_task("rows", total=opened.rows)

        def parts() -> Documents:
            nonlocal refused
            for rows, documents in opened.parts:
                refused += sum("error" in document for document in documents)
                bar.update(task, advance=rows)
                yield documents

        yield parts()
    if refused:
        output.note(f"margin: refused {refused} of the portfolios, each by its row")


def _show_json(head: dict[str, Any], parts: Documents) -> None:
    """One document, written part by part: a file of a million rows is not held."""
    opening = output.json_text(head).removesuffix("}")
    sys.stdout.write(f'{opening}, "portfolios": [')
    joint = "\n"
    for documents in parts:
        if documents:
            text = ",\n".join(map(output.json_text, documents))
            sys.stdout.write(f"{joint}{text}")
            joint = ",\n"
    sys.stdout.write("\n]}\n")


def _show(head: dict[str, Any], parts: Documents) -> None:
    documents = [document for part in parts for document in part]
    told = [str(head[name]) for name in ("model", "version", "horizon") if name in head]
    unit = "US dollars" if head["amounts_in"] == "USD" else head["amounts_in"]
    output.say(f"{' '.join(told)}, {unit}, calculation currency {head['currency']}")
    answered = [document for document in documents if "error" not in document]
    if answered and "models" in answered[0]:
        columns = ("portfolio", "total", "simm", "schedule", "worst of")
        output.table(columns, [_line_of_both(document) for document in answered])
    elif answered:
        names = _product_classes(answered)
        output.table(
            ("portfolio", "total", *names, "add_on", "worst of"),
            [_line(document, names) for document in answered],
        )
    if len(answered) == 1 and "models" not in answered[0]:
        _show_classes(answered[0])
    for document in documents:
        if "error" in document:
            output.say(f"{document['portfolio_id']}: refused: {document['error']}")
        elif "rows_left_out" in document:
            output.say(
                f"{document['portfolio_id']}: left out {document['rows_left_out']} rows "
                "of the other model"
            )


def _product_classes(documents: list[dict[str, Any]]) -> list[str]:
    found = (row["product_class"] for document in documents for row in document["product_classes"])
    return list(dict.fromkeys(found))


def _line(document: dict[str, Any], names: list[str]) -> list[object]:
    totals = {row["product_class"]: row["total"] for row in document["product_classes"]}
    cells = [_usd(totals.get(name)) for name in names]
    return [
        document["portfolio_id"],
        _usd(document["total"]),
        *cells,
        _usd(document["add_on"]),
        ", ".join(f"{row['regulation']} ({row['side']})" for row in _worst(document)),
    ]


def _worst(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Regulations and sides under which it is the total."""
    return [row for row in document["regulations"] if row["total"] == document["total"]]


def _line_of_both(document: dict[str, Any]) -> list[object]:
    """What each model is of the total: where regulations are named, of the first of the worst."""
    worst = _worst(document)
    alone = {model: found["total"] for model, found in document["models"].items()}
    shares = worst[0] if worst else alone
    return [
        document["portfolio_id"],
        _usd(document["total"]),
        *(_usd(shares.get(model)) for model in (Model.SIMM.value, Model.SCHEDULE.value)),
        ", ".join(f"{row['regulation']} ({row['side']})" for row in worst),
    ]


def _show_classes(document: dict[str, Any]) -> None:
    """What one portfolio's margin is made of."""
    columns = ("delta", "vega", "curvature", "base_correlation", "total")
    rows = [
        (product["product_class"], row["risk_class"], *(_usd(row[name]) for name in columns))
        for product in document["product_classes"]
        for row in product["risk_classes"]
    ]
    if rows:
        output.table(("product class", "risk class", *columns), rows)
    if document["regulations"]:
        output.table(
            ("regulation", "side", "total"),
            [
                (row["regulation"], row["side"], _usd(row["total"]))
                for row in document["regulations"]
            ],
        )


def _usd(amount: float | None) -> Decimal | None:
    return None if amount is None else Decimal(f"{amount:.2f}")
