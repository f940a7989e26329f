"""Published CRIF portfolios: ISDA's unit tests, by version, by regulation, by schedule, a report.

Figures of ISDA's tests are printed to the unit, and ours are rounded so; margins of one measure
over several risk classes join by the correlations of risk classes, as the totals do.
"""

import csv
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from margin_assets.crif import Question, initial_margin, simm_versions
from margin_assets.kernels.initial_margin.crif_terms import RISK_CLASSES
from margin_assets.kernels.initial_margin.parameters import parameters
from margin_assets.rulebooks import in_force
from tests.fidelity.documents import Case, Json

Row = dict[str, str]
Answers = dict[str, Json]

HORIZONS = ("10d", "1d")
_MEASURES = {
    "delta": "delta",
    "vega": "vega",
    "curvature": "curvature",
    "base_corr": "base_correlation",
}
_UNSEGREGATED = "SEC-unseg"


class Published(NamedTuple):
    """A case's published figures, and how to find ours."""

    file: str
    area: str
    case: str
    expected: Json
    observe: Callable[[], Json]


def tolerance(expected: object) -> Decimal:
    """One unit, or a millionth."""
    return max(Decimal(1), abs(Decimal(str(expected))) / 1_000_000)


def published(folder: Path) -> Iterator[Published]:
    """Every case of `simm/`."""
    held = folder / "simm"
    yield from _unit_tests(held)
    yield from _versions(held)
    yield from _regulations(held)
    yield from _schedule(held)
    yield from _report(held)


def observed(case: Case) -> Json:
    """A worked example of SIMM: its rows are the case's positions."""
    version = case["prices"]["parameters"].removeprefix("SIMM v")
    rows = [
        {"PortfolioID": case["id"], **{key: str(value) for key, value in row.items()}}
        for row in case["positions"]
    ]
    found = _answers(rows, Question(version=version))[case["id"]]
    is_rounded = case["tolerance"] == "1.0 abs"
    rates: Json = next(
        (
            row
            for product in found["product_classes"]
            for row in product["risk_classes"]
            if row["risk_class"] == "InterestRate"
        ),
        {},
    )
    return {
        "simm_total": _unit(found["total"]) if is_rounded else found["total"],
        **{f"ir_{name}": rates.get(name) for name in ("delta", "vega", "curvature")},
    }


def _answers(rows: Sequence[Row], question: Question) -> Answers:
    """Documents by portfolio of rows written as a file."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crif.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
        parts = initial_margin(path, question).parts
        return {found["portfolio_id"]: found for _, part in parts for found in part}


def _unit(amount: float) -> float:
    return float(Decimal(repr(amount)).quantize(Decimal(1), ROUND_HALF_UP))


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _rows_of_cases(held: Path) -> tuple[list[Row], list[Row]]:
    """The cases, and their rows with the case as portfolio."""
    cases = _read(held / "cases_v2.5.csv")
    by_id = {row["SensitivityID"]: row for row in _read(held / "sensitivities_v2.5.csv")}
    rows = [
        {"PortfolioID": case["case"], **by_id[name]}
        for case in cases
        for name in case["sensitivity_ids"].split()
    ]
    return cases, rows


def _unit_tests(held: Path) -> Iterator[Published]:
    cases, rows = _rows_of_cases(held)
    found = {h: _answers(rows, Question(version="2.5", horizon=h)) for h in HORIZONS}
    for case in cases:
        expected = {name: float(case[name]) for name in case if name.endswith(HORIZONS)}
        answers = {h: found[h][case["case"]] for h in HORIZONS}
        yield Published(
            "simm/cases_v2.5.csv",
            "SIMM 2.5, by measure",
            case["case"],
            expected,
            partial(_by_measure, answers),
        )


def _by_measure(answers: Answers) -> Json:
    figures: Json = {}
    for horizon, found in answers.items():
        figures[f"expected_im_{horizon}"] = _unit(found["total"])
        figures[f"add_on_{horizon}"] = _unit(found["add_on"])
        for theirs, ours in _MEASURES.items():
            figures[f"{theirs}_{horizon}"] = _unit(_joined(found, ours))
    return figures


def _joined(found: Json, measure: str) -> float:
    """A measure's margins over the risk classes of each product class."""
    numbers = in_force("simm", simm_versions()["2.5"]).numbers
    psi = parameters(numbers, "10d", "USD").risk_classes
    total = 0.0
    for product in found["product_classes"]:
        of_class = np.zeros(len(RISK_CLASSES))
        for row in product["risk_classes"]:
            of_class[RISK_CLASSES.index(row["risk_class"])] = row[measure]
        total += float(np.sqrt(of_class @ psi @ of_class))
    return total


def _versions(held: Path) -> Iterator[Published]:
    _, rows = _rows_of_cases(held)
    expected = _read(held / "expected_by_version.csv")
    for version in simm_versions():
        if f"im_{HORIZONS[0]}_v{version}" not in expected[0]:
            continue  # no figures of it were held
        found = {h: _answers(rows, Question(version=version, horizon=h)) for h in HORIZONS}
        for case in expected:
            names = {h: f"im_{h}_v{version}" for h in HORIZONS}
            ours = {name: found[h][case["case"]]["total"] for h, name in names.items()}
            yield Published(
                "simm/expected_by_version.csv",
                f"SIMM {version}",
                case["case"],
                {name: float(case[name]) for name in names.values()},
                partial(dict, ours),
            )


def _regulations(held: Path) -> Iterator[Published]:
    material: Json = json.loads((held / "regulation_cases_v2.5.json").read_text("utf-8"))
    rows = [
        {"PortfolioID": case["case"], **material["rows"][name]}
        for case in material["cases"]
        for name in case["ids"]
    ]
    found = {h: _answers(rows, Question(version="2.5", horizon=h)) for h in HORIZONS}
    for case in material["cases"]:
        ours = {
            f"expected_im_{h}": _unit(_worst(found[h][case["case"]], case["case"]))
            for h in HORIZONS
        }
        expected = {name: case[name] for name in ours}
        file = "simm/regulation_cases_v2.5.json"
        yield Published(file, "SIMM by regulation", case["case"], expected, partial(dict, ours))


def _worst(found: Json, case: str) -> float:
    """The total; of the cases that part the segregated from the rest, over those alone."""
    by_name = {row["regulation"]: row["total"] for row in found["regulations"]}
    if case.endswith("Unsegregated"):
        return float(by_name[_UNSEGREGATED])
    if case.endswith("Segregated"):
        return float(max(by_name[name] for name in by_name if name != _UNSEGREGATED))
    return float(found["total"])


def _schedule(held: Path) -> Iterator[Published]:
    material: Json = json.loads((held / "schedule_cases.json").read_text("utf-8"))
    rows = [
        {"PortfolioID": case["case"], **row} for case in material["cases"] for row in case["crif"]
    ]
    found = _answers(rows, Question(model="schedule"))
    for case in material["cases"]:
        of_side: dict[str, float] = {}
        for row in found[case["case"]]["regulations"]:
            of_side[row["side"]] = max(of_side.get(row["side"], 0.0), row["total"])
        # The source has what is posted below 0.
        ours = {
            "expected_schedule_im_secured": _unit(of_side["collect"]),
            "expected_schedule_im_pledgor": -_unit(of_side["post"]),
        }
        expected = {name: case[name] for name in ours}
        file = "simm/schedule_cases.json"
        yield Published(file, "schedule IM", case["case"], expected, partial(dict, ours))


def _report(held: Path) -> Iterator[Published]:
    """The report's lines of a product and a risk class, and their totals, for the two worst."""
    rows = _read(held / "example_crif.csv")
    found = _answers(rows, Question(version="2.6"))
    (document,) = found.values()
    posted = _answers([_turned(row) for row in rows], Question(version="2.6"))
    sides = {"Call": document, "Post": next(iter(posted.values()))}
    expected: Json = {}
    ours: Json = {}
    for line in _read(held / "example_expected_2.6_10d.csv"):
        place = (line["ProductClass"], line["RiskClass"], line["MarginType"], line["Bucket"])
        name = " ".join((line["SimmSide"], line["Regulation"], *place))
        if line["Bucket"] == "All" and name not in expected:
            expected[name] = float(line["InitialMargin"])
            ours[name] = _reported(sides[line["SimmSide"]], line)
    file = "simm/example_expected_2.6_10d.csv"
    yield Published(file, "example report", "CRIF_20201228", expected, partial(dict, ours))


def _turned(row: Row) -> Row:
    """A row as who posts sees it, under the regulations of the side that collects."""
    amount = str(-float(row["Amount"]))
    regulations = {"collect_regulations": row["post_regulations"], "post_regulations": ""}
    return {**row, "Amount": amount, **regulations}


def _reported(document: Json, line: Row) -> float:
    """The report has one product class of one risk class, and totals that are theirs."""
    (product,) = document["product_classes"]
    (risk_class,) = product["risk_classes"]
    measure = {"All": "total", "BaseCorr": "base_correlation"}.get(
        line["MarginType"], line["MarginType"].lower()
    )
    return float(risk_class[measure])
