"""SIMM of portfolios of nine rows a second, ours beside ORE's, in one run; and of a file.

Four kinds of portfolio in turns, each of one product class: rates with two curves and a vega,
currencies, credit, shares with volatilities. ORE is the extra `peers`; without it ours is alone.
"""

import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.output import median_seconds, show
from margin_assets.crif import Question, initial_margin, simm_versions
from margin_assets.kernels.initial_margin.crif_terms import SENSITIVITIES
from margin_assets.kernels.initial_margin.encoding import encoded
from margin_assets.kernels.initial_margin.parameters import Parameters, parameters
from margin_assets.kernels.initial_margin.simm import margins
from margin_assets.kernels.numeric.threads import allowed
from margin_assets.rulebooks import in_force

PORTFOLIOS, ROWS, PEER_PORTFOLIOS = 28_860, 9, 400
VERSION = "2.6"
_SHARES = [f"ISIN:{n:08d}" for n in range(500)]
_KINDS: tuple[tuple[tuple[str, str, str, str, str, str], ...], ...] = (
    (
        *(("RatesFX", "Risk_IRCurve", "USD", "1", t, "OIS") for t in ("1y", "2y", "5y", "10y")),
        *(("RatesFX", "Risk_IRCurve", "EUR", "1", t, "Libor6m") for t in ("2y", "5y", "10y")),
        ("RatesFX", "Risk_IRVol", "USD", "", "5y", ""),
        ("RatesFX", "Risk_FX", "EUR", "", "", ""),
    ),
    (
        *(
            ("RatesFX", "Risk_FX", c, "", "", "")
            for c in ("EUR", "GBP", "JPY", "CHF", "BRL", "CNY")
        ),
        *(("RatesFX", "Risk_FXVol", p, "", "6m", "") for p in ("USDEUR", "USDJPY", "EURGBP")),
    ),
    tuple(("Credit", "Risk_CreditQ", "share", str(1 + n % 4), "5y", "") for n in range(ROWS)),
    (
        *(("Equity", "Risk_Equity", "share", str(5 + n % 3), "", "") for n in range(6)),
        *(("Equity", "Risk_EquityVol", "share", str(5 + n), "1y", "") for n in range(3)),
    ),
)


def make_rows(count: int = PORTFOLIOS) -> pl.DataFrame:
    """Seeded rows: a million dollars, give or take, below most thresholds."""
    rng = np.random.default_rng(2412)
    rows = [row for n in range(count) for row in _KINDS[n % len(_KINDS)]]
    columns = list(zip(*rows, strict=True))
    names = np.array(columns[2], dtype=object)
    is_share = names == "share"
    # A name stands in one bucket: the number of the share says which.
    bucket = np.array([int(text or 0) for text in columns[3]])
    number = rng.integers(0, len(_SHARES) // 20, len(rows)) * 20 + bucket
    names[is_share] = np.array(_SHARES, dtype=object)[number[is_share]]
    return pl.DataFrame(
        {
            "unit": np.repeat(np.arange(count), ROWS),
            "product_class": columns[0],
            "risk_type": columns[1],
            "qualifier": names.tolist(),
            "bucket": [
                b if r not in _RATES else None for b, r in zip(*columns[3:0:-2], strict=True)
            ],
            "tenor": [t or None for t in columns[4]],
            "label2": columns[5],
            "amount_usd": rng.normal(0.0, 1e5, len(rows)).round(2),
        },
        schema=SENSITIVITIES,
    )


_RATES = ("Risk_IRCurve", "Risk_IRVol", "Risk_FX", "Risk_FXVol")


def _processor_seconds(run: Callable[[], object], times: int = 5) -> float:
    """Least processor time of a call, all threads together: what else runs counts for little."""
    run()
    seconds = []
    for _ in range(times):
        started = time.process_time()
        run()
        seconds.append(time.process_time() - started)
    return min(seconds)


def _parameters() -> Parameters:
    numbers = in_force("simm", simm_versions()[VERSION]).numbers
    return parameters(numbers, "10d", "USD")


def _file_seconds(rows: pl.DataFrame) -> float:
    """Processor seconds from a file to documents."""
    words = {
        "PortfolioID": "unit",
        "ProductClass": "product_class",
        "RiskType": "risk_type",
        "Qualifier": "qualifier",
        "Bucket": "bucket",
        "Label1": "tenor",
        "Label2": "label2",
        "AmountUSD": "amount_usd",
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crif.csv"
        rows.select(**words).write_csv(path)

        def answered() -> int:
            parts = initial_margin(path, Question(version=VERSION)).parts
            return sum(len(documents) for _, documents in parts)

        return _processor_seconds(answered, times=2)


def _peer(rows: pl.DataFrame, ours: pl.DataFrame) -> dict[str, float]:
    """ORE's calculator on the first portfolios: a second of processor time, and differences."""
    ore: Any = import_module("ORE")
    mapper = ore.SimmBucketMapperBase()
    for kind, name, bucket in rows.select("risk_type", "qualifier", "bucket").unique().iter_rows():
        if bucket is not None:
            mapper.addMapping(_ore_type(ore, kind), name, bucket)
    configuration = ore.SimmConfiguration_ISDA_V2_6(mapper, 10)
    totals, spent = [], 0.0
    for _, portfolio in rows.group_by("unit", maintain_order=True):
        started = time.process_time()
        totals.append(_ore_total(ore, configuration, portfolio))
        spent += time.process_time() - started
    mine = ours.group_by("unit", maintain_order=True).agg(pl.col("total").sum())["total"]
    theirs = np.array(totals)
    differences = np.abs(mine.head(len(totals)).to_numpy() / theirs - 1.0)
    return {
        "portfolios_a_processor_second": len(totals) / spent,
        "largest_relative_difference": float(differences.max()),
    }


def _ore_type(ore: Any, kind: str) -> Any:
    return getattr(ore.CrifRecord, f"RiskType_{kind.removeprefix('Risk_')}")


def _ore_total(ore: Any, configuration: Any, portfolio: pl.DataFrame) -> float:
    netting_set, crif = ore.NettingSetDetails("P"), ore.Crif()
    for row in portfolio.iter_rows(named=True):
        texts = (row["qualifier"], row["bucket"] or "", row["tenor"] or "", row["label2"])
        product = getattr(ore.CrifRecord, f"ProductClass_{row['product_class']}")
        amount = row["amount_usd"]
        head = ("T", "", netting_set, product, _ore_type(ore, row["risk_type"]))
        crif.addRecord(ore.CrifRecord(*head, *texts, "USD", amount, amount))
    found = ore.SimmCalculator(crif, configuration).finalSimmResults(
        ore.SimmConfiguration.SimmSide_Call, netting_set
    )
    every = (ore.SimmConfiguration.RiskClass_All, ore.SimmConfiguration.MarginType_All)
    return float(found.second.get(ore.CrifRecord.ProductClass_All, *every, "All"))


def main() -> dict[str, Any]:
    """Times ours, whole and in parts, a file, and ORE where it is installed."""
    rows, numbers = make_rows(), _parameters()
    whole = _processor_seconds(lambda: margins(rows, numbers, "USD"))
    encoding = _processor_seconds(lambda: encoded(rows, numbers))
    wall = median_seconds(lambda: margins(rows, numbers, "USD"))
    file = _file_seconds(rows)
    result: dict[str, Any] = {
        "portfolios": PORTFOLIOS,
        "rows_a_portfolio": ROWS,
        "processors": allowed(),
        "portfolios_a_second": PORTFOLIOS / wall,
        "portfolios_a_processor_second": PORTFOLIOS / whole,
        "without_encoding_a_processor_second": PORTFOLIOS / (whole - encoding),
        "file_to_documents_portfolios_a_processor_second": PORTFOLIOS / file,
        "file_to_documents_rows_a_processor_second": PORTFOLIOS * ROWS / file,
    }
    if find_spec("ORE") is not None:
        ours = margins(rows, numbers, "USD").product_classes
        peer = _peer(rows.head(PEER_PORTFOLIOS * ROWS), ours)
        speed = peer["portfolios_a_processor_second"]
        result["ore"] = {**peer, "ours_over_theirs": PORTFOLIOS / whole / speed}
    return result


if __name__ == "__main__":
    show({"initial_margin": main()})
