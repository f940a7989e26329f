"""Every case of every file against the answer: rows of verdicts, and their count by area."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import NamedTuple

from margin_assets.whatif import DocumentError
from tests.fidelity import (
    estimator,
    initial_margin,
    portfolio,
    processes,
    rates,
    securities,
    strategies,
)
from tests.fidelity.arguments import ARGUED
from tests.fidelity.documents import Case, Json, RefusedError

EXACT, TOLERATED, ARGUED_WORD = "exact", "within tolerance", "argued"
REFUSED, WRONG, OUT_OF_SCOPE = "refused", "wrong", "out of scope"
# From bad to good: a case stands where the worst of its figures does.
VERDICTS = (WRONG, REFUSED, ARGUED_WORD, TOLERATED, EXACT, OUT_OF_SCOPE)
SHOWN = (EXACT, TOLERATED, REFUSED, WRONG, ARGUED_WORD, OUT_OF_SCOPE)
OUT_OF_PRODUCT = {"derivatives_other", "F-BETA-02"}
"""Areas and cases that no user can ask: an option's delta-gamma line, where it is valued whole."""
EXAMPLES = "margin_worked_examples.json"
ESTIMATOR = "option_strategies_cboe_rules.json"
OVERLAPPING = "option_overlapping_spreads.json"
_HALF_A_CENT = Decimal("0.005")
_MOST_RELATIVE = Decimal("0.005")  # asked of portfolio margin where a source allows more
_BY_AREA: dict[str, Callable[[Case], Json]] = {
    "equity_maintenance": securities.maintenance,
    "regt_initial_sma": securities.initial,
    "options_strategy": strategies.observed,
    "portfolio_margin": portfolio.observed,
    "intraday_and_timelines": processes.intraday,
    "house_overlay": processes.house,
    "simm": initial_margin.observed,
}


class Row(NamedTuple):
    """One published figure and what is answered to it."""

    file: str
    area: str
    case: str
    field: str
    expected: object
    observed: object
    verdict: str


class Comparison(NamedTuple):
    """A case's published figures, how to find ours, and by how much they may differ."""

    file: str
    area: str
    case: str
    expected: Json
    observe: Callable[[], Json]
    tolerance: Callable[[str], Decimal]
    exact: Decimal | None = None
    """Within what a figure is exact; none: half a cent."""


@cache
def rows_of(folder: str) -> tuple[Row, ...]:
    """A row for every figure of every case."""
    return tuple(row for one in _comparisons(Path(folder)) for row in _rows(one))


def count(rows: Sequence[Row]) -> dict[str, Counter[str]]:
    """Cases of each area by verdict: the worst of their figures decides."""
    worst: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (row.area, row.case)
        worst[key] = min(worst.get(key, row.verdict), row.verdict, key=VERDICTS.index)
    counts: dict[str, Counter[str]] = {}
    for (area, _), verdict in worst.items():
        counts.setdefault(area, Counter())[verdict] += 1
    return counts


def table(rows: Sequence[Row]) -> list[str]:
    """The counts as lines of a Markdown table, with their sums."""
    counts = count(rows)
    lines = [("area", "cases", *SHOWN), ("---",) + ("---:",) * (len(SHOWN) + 1)]
    everything = sum(counts.values(), Counter[str]())
    for area, found in [*counts.items(), ("all", everything)]:
        lines.append((area, str(found.total()), *(str(found[verdict]) for verdict in SHOWN)))
    return [f"| {' | '.join(line)} |" for line in lines]


def _comparisons(folder: Path) -> Iterator[Comparison]:
    def read(name: str) -> Json:
        found: Json = json.loads((folder / name).read_text("utf-8"))
        return found

    for case in read(EXAMPLES):
        yield _worked_example(case)
    for account, figure in (
        ("margin", estimator.margin_requirement),
        ("cash", estimator.cash_requirement),
    ):
        for case in read(ESTIMATOR)["cases"]:
            yield _estimated(case, account, figure)
    yield _overlapping(read(OVERLAPPING))
    for one in initial_margin.published(folder):
        yield _initial_margin(one)
    for rate in rates.cases(folder):
        yield _rate(rate)


def _rate(one: rates.Published) -> Comparison:
    """A figure of rates is exact within what it is published to."""
    tolerance = Decimal(str(one.tolerance))
    shared = (one.file, one.area, one.case, one.expected, one.observe)
    return Comparison(*shared, lambda _: tolerance, tolerance)


def _worked_example(case: Case) -> Comparison:
    amount = Decimal(case["tolerance"].removesuffix(" abs").removesuffix("%"))

    def tolerance(field: str) -> Decimal:
        expected = case["expected"][field]
        if not case["tolerance"].endswith("%") or isinstance(expected, bool):
            return amount
        most = amount / 100
        if case["id"].startswith("D-CBOE"):
            most = min(most, _MOST_RELATIVE)
        return most * abs(Decimal(str(expected)))

    observe = _BY_AREA.get(case["area"], dict)
    return Comparison(
        EXAMPLES, case["area"], case["id"], case["expected"], lambda: observe(case), tolerance
    )


def _estimated(case: Case, account: str, figure: Callable[[Case], float]) -> Comparison:
    field = f"{account}_requirement"
    return Comparison(
        ESTIMATOR,
        f"cboe_rules, {account} account",
        case["case"],
        {field: float(case[field])},
        lambda: {field: figure(case)},
        lambda _: estimator.rounding(case),
    )


def _initial_margin(one: initial_margin.Published) -> Comparison:
    return Comparison(*one, lambda field: initial_margin.tolerance(one.expected[field]))


def _overlapping(material: Json) -> Comparison:
    debit = 295  # of the order, in its words; "sufficient" is its verdict
    is_sufficient = material["order_case"]["expected"].startswith("sufficient")
    assert f"{debit} net debit" in material["order_case"]["expected"]
    expected = {
        "expected_maintenance_margin": material["expected_maintenance_margin"],
        "order_needs": debit,
        "order_is_sufficient": is_sufficient,
    }
    return Comparison(
        OVERLAPPING,
        "overlapping_spreads",
        "FullyCoveredOverlappingDebitSpreads",
        expected,
        lambda: strategies.overlapping_spreads(material),
        lambda _: Decimal("0.01"),
    )


def _rows(one: Comparison) -> Iterator[Row]:
    if OUT_OF_PRODUCT & {one.area, one.case}:
        for field, expected in one.expected.items():
            yield Row(one.file, one.area, one.case, field, expected, None, OUT_OF_SCOPE)
        return
    try:
        observed = one.observe()
    except (DocumentError, RefusedError) as refused:
        observed = dict.fromkeys(one.expected, refused)
    for field, expected in one.expected.items():
        found = observed[field]
        verdict = _verdict(one, field, found)
        yield Row(one.file, one.area, one.case, field, expected, found, verdict)


def _verdict(one: Comparison, field: str, found: object) -> str:
    if isinstance(found, Exception):
        return REFUSED
    if _agrees(found, one.expected[field], one.exact or _HALF_A_CENT):
        return EXACT
    if _agrees(found, one.expected[field], one.tolerance(field)):
        return TOLERATED
    argument = ARGUED.get((one.case, field))
    is_argued = argument is not None and _agrees(found, argument.by_rule, _HALF_A_CENT)
    return ARGUED_WORD if is_argued else WRONG


def _agrees(found: object, expected: object, tolerance: Decimal) -> bool:
    """Numbers within the tolerance, anything else the same."""
    if isinstance(expected, bool | str) or isinstance(found, bool | str) or found is None:
        return found == expected
    return abs(Decimal(str(found)) - Decimal(str(expected))) <= tolerance
