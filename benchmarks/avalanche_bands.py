"""Where the avalanche lands against what is known of past episodes: figures, bands, in or out.

The bands are those of the model's section 13, which no data were fitted to. The demo's market
stands for a platform; single episodes are books of one set, written out here.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from benchmarks._avalanche_sectors import (
    Figure,
    archegos_book,
    book_of,
    dealers,
    gilts,
    middle,
    stock_clearing,
    told_by_hour,
)
from benchmarks.output import show
from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.book.reading import LINE, table_of
from margin_assets.avalanche.demo.platform import demo_book
from margin_assets.avalanche.running import Asked, run
from margin_assets.kernels.avalanche.results import CALL, LIQUIDITY, NEVER, Results
from margin_assets.kernels.avalanche.scenario import NO_SALES
from schemas.avalanche.book import BOOK

PATHS = 1_000
_DAY = 24
_STATIC = ("SIMM", "SCHEDULE", "FLAT", "R4210")


def _with(settings: dict[str, str]) -> Built:
    """The demo's book with other settings."""
    tables = demo_book(1)
    rows = [*tables["settings"].drop(LINE).rows(named=True)]
    rows += [{"key": key, "value": value} for key, value in settings.items()]
    made = table_of(pl.DataFrame(rows), BOOK["settings"], "settings")
    return built(tables | {"settings": made})


def of_the_demo() -> Iterator[Figure]:
    """Targets that a platform as a whole is held to."""
    demo = built(demo_book(1))
    calm = run(demo, Asked("none", "A", 1, PATHS)).results
    march = run(demo, Asked("march_2020", "A", 1, PATHS)).results
    daily = calm.gross_calls.mean() / demo.settings.days
    yield Figure(
        "March 2020: largest day of calls over a calm day's",
        middle(march.max_day_call) / daily,
        4,
        8,
    )
    severe = run(demo, Asked("severe", "A", 1, PATHS)).results
    three_days = severe.need_by_hour[:, 3 * _DAY - 1]
    share = float((three_days >= 0.8e9).mean())
    yield Figure("Severe: share of paths called 0.8bn or more in three days", share, 0.01, 0.5)
    yield from _margin_of_march()


def _margin_of_march() -> Iterator[Figure]:
    """Initial margin after 20 days: what estimators move, and what they do not."""
    demo = _with({"days": "20", "unlimited": "true"})
    multiplier = demo.platform.sets.multiplier
    margins = [r.margin * m for r, m in zip(demo.report, multiplier, strict=True)]
    still = sum(
        margin for margin, r in zip(margins, demo.report, strict=True) if r.family in _STATIC
    )
    total = sum(margins)
    told = told_by_hour(demo, "march_2020", NO_SALES)
    charged = told.liquidity[:, :, LIQUIDITY.index("charged")]
    at_end = middle(charged[:, -1] / charged[:, 0])
    cleared = (at_end * total - still) / (total - still)
    yield Figure("March 2020: cleared margin after 20 days over before", cleared, 1.25, 1.6)


def archegos() -> Iterator[Figure]:
    """Twenty billion of swaps on one name at 5.9% margin and 1.6 billion of equity."""
    made = archegos_book(0.059, 2e10)
    results = run(made, Asked("fall", "C", 1, PATHS)).results
    yield Figure("Archegos: paths in default at static margin", _share(results), 0.9, 1.0)


def nordic_power() -> Iterator[Figure]:
    """A concentrated spread of power moves by 17 average days at once."""
    losses = {}
    for name, kappa in (("without", 0.0), ("with", 2.0)):
        made = _nordic(kappa)
        told = run(made, Asked("fall", "A", 1, 1)).results
        margin = made.report[0].margin + float(made.platform.addons.concentration.sum())
        losses[name] = -float(told.pnl[0]) - margin
        if name == "without":
            yield Figure("Nordic power: in default after the first end of day", _share(told), 1, 1)
    yield Figure(
        "Nordic power: loss beyond margin with the add-on over without",
        max(losses["with"], 0.0) / losses["without"],
        0.0,
        0.99,
    )


def _nordic(kappa: float) -> Built:
    return book_of(
        {"generator": "none", "reaction": 0, "reversion": 0},
        netting_set={"im_model_id": "SPAN"},
        im_model=[{"im_model_id": "SPAN", "family": "SPAN", "conc_addon_id": "SIZE"}],
        addon=[{"addon_id": "SIZE", "kind": "concentration", "kappa": kappa}],
        risk_factor={"class": "CM", "sigma0": 0.02, "adv": 2e8},
        exposure={"delta": 5e8},
        cash_balance={"balance": 5e7},
        # The average move is sigma sqrt(2 / pi).
        scenario=[
            {
                "scenario_id": "fall",
                "factor_id": "INDEX",
                "hour": 12,
                "return_shock": -17 * 0.02 * (2 / np.pi) ** 0.5,
            }
        ],
    )


def nickel() -> Iterator[Figure]:
    """A short in nickel through the hour of 8 March 2022, against calm days before."""
    made = book_of(
        {"unlimited": True},
        venue={"intraday_hours": ";".join(map(str, range(24)))},
        netting_set={"im_model_id": "SPAN"},
        im_model=[{"im_model_id": "SPAN", "family": "SPAN"}],
        risk_factor={"class": "CM", "sigma0": 0.03, "adv": 5e9},
        exposure={"delta": -1e9},
        # 29,000 to 48,000 dollars on the first day, to 101,000 on the second.
        scenario=[
            {
                "scenario_id": "squeeze",
                "factor_id": "INDEX",
                "hour": _DAY * day + hour,
                "return_shock": rise / 6.0,
                "vol_multiplier": 4.0,
            }
            for day, rise in enumerate((0.51, 0.75))
            for hour in range(6)
        ],
    )
    told = told_by_hour(made, "squeeze", NO_SALES, 1)
    calm = run(made, Asked("none", "A", 1, PATHS)).results
    results = run(made, Asked("squeeze", "A", 1, PATHS)).results
    first = int(told.events["hour"][told.events["kind"] == CALL].min())
    yield Figure("Nickel: hour of the first intraday call", first, 0, 1)
    record = float(np.quantile(calm.max_day_call, 0.99))
    yield Figure(
        "Nickel: largest day's call over the record of calm times",
        middle(results.max_day_call) / record,
        5,
        15,
    )


def energy() -> Iterator[Figure]:
    """Margin of gas by SPAN over weeks in which volatility climbs to four times and stays."""
    made = book_of(
        {"days": 20, "generator": "t"},
        netting_set={"im_model_id": "SPAN"},
        im_model=[
            {"im_model_id": "SPAN", "family": "SPAN", "lambda": 0.94, "reprice": "on_trigger"}
        ],
        risk_factor={"class": "CM", "sigma0": 0.035, "adv": 2e9},
        exposure={"delta": 1e9},
        cash_balance={"balance": 5e7},
        scenario=[
            {"scenario_id": "weeks", "factor_id": "*", "hour": hour, "vol_multiplier": multiple}
            for hour, multiple in ((0, 2.0), (48, 3.0), (96, 4.0), (144, 5.0))
        ],
    )
    kept = made._replace(settings=made.settings.model_copy(update={"unlimited": True}))
    results = run(kept, Asked("weeks", "A", 1, PATHS)).results
    sold = run(made, Asked("weeks", "C", 1, PATHS)).results.sold
    yield Figure(
        "Energy 2022: largest margin over that before", middle(results.im_peak_ratio), 3, 6
    )
    yield Figure(
        "Energy 2022: share of paths with forced sales", float((sold > 0).mean()), 0.5, 1.0
    )


def _share(results: Results) -> float:
    return float((results.default_hour != NEVER).mean())


def main() -> dict[str, Any]:
    """Every target with its figure and whether it is met."""
    parts = (
        of_the_demo,
        archegos,
        dealers,
        nordic_power,
        nickel,
        energy,
        gilts,
        stock_clearing,
    )
    figures = [figure for part in parts for figure in part()]
    return {
        one.target: {
            "figure": float(one.figure),
            "band": [one.low, one.high],
            "is_met": bool(one.is_met),
        }
        for one in figures
    }


if __name__ == "__main__":
    show({"avalanche_bands": main()})
