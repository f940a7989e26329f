"""The demo's book: every table, as a folder of files would bring it."""

from pathlib import Path

import numpy as np
import polars as pl

from margin_assets.avalanche.book.reading import LINE, Tables, table_of
from margin_assets.avalanche.demo import market, sets, trades
from schemas.avalanche.book import BOOK

_EUR, _GBP, _JPY = 1.08, 1.27, 0.0067


def demo_book(seed: int = 1) -> Tables:
    """The demo's tables; the same seed gives the same book."""
    random = np.random.Generator(np.random.Philox(seed))
    made = sets.places()
    legs = trades.legs(made, random)
    exposure = trades.exposures(legs, made, random)
    risk: dict[str, float] = {}
    for leg in legs:
        risk[leg.manager] = float(np.hypot(risk.get(leg.manager, 0.0), leg.risk))
    raw = {
        "legal_entity": pl.DataFrame(
            {"entity_id": ["FUND"], "name": ["Demo fund"], "home_ccy": ["USD"], "nav": [1.5e10]}
        ),
        "manager": trades.managers(risk),
        "venue": sets.venues(made),
        "counterparty": sets.counterparties(made),
        "netting_set": sets.netting_sets(made, random),
        "position": trades.positions(exposure, made),
        "exposure": exposure,
        "risk_factor": market.factors(),
        "factor_history": market.history(random),
        "im_model": sets.models(),
        "addon": sets.addons(),
        **_liquidity(),
        "settings": pl.DataFrame({"key": ["as_of"], "value": [market.AS_OF.isoformat()]}),
    }
    empty = {
        name: schema.create_empty().with_columns(pl.lit(0, pl.Int64).alias(LINE))
        for name, schema in BOOK.items()
        if name not in raw
    }
    typed = {name: table_of(frame, BOOK[name], name) for name, frame in raw.items()}
    return {name: (typed | empty)[name] for name in BOOK}


def write_book(tables: Tables, folder: Path) -> None:
    """The tables that have rows, as files of a folder: history as Parquet, all else as CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        if not table.height:
            continue
        rows = table.drop(LINE)
        if name == "factor_history":
            rows.write_parquet(folder / f"{name}.parquet")
        else:
            rows.write_csv(folder / f"{name}.csv")


def _liquidity() -> dict[str, pl.DataFrame]:
    """Cash of 0.9 billion in four currencies, securities of 0.9, and lines."""
    return {
        "cash_balance": pl.DataFrame(
            {
                "entity_id": ["FUND"] * 4,
                "ccy": ["USD", "EUR", "GBP", "JPY"],
                "balance": [4.5e8, 2.0e8 / _EUR, 1.5e8 / _GBP, 1.0e8 / _JPY],
                "minimum_operating": [2.0e7, 1.0e7 / _EUR, 5.0e6 / _GBP, 5.0e6 / _JPY],
                "cut_off_hour": [21, 16, 16, 6],
            }
        ),
        "fx_rate": pl.DataFrame({"ccy": ["EUR", "GBP", "JPY"], "usd_per_unit": [_EUR, _GBP, _JPY]}),
        "collateral_holding": pl.DataFrame(
            {
                "entity_id": ["FUND"] * 3,
                "asset_id": ["TREASURIES", "BUNDS", "GILTS"],
                "ccy": ["USD", "EUR", "GBP"],
                "market_value": [5.0e8, 2.5e8 / _EUR, 1.5e8 / _GBP],
                "haircut_regular": [0.02, 0.02, 0.03],
                "repo_lag_h": [2, 4, 4],
                "repo_opens": [7, 7, 7],
                "repo_closes": [15, 15, 15],
            }
        ),
        **_lines(),
    }


def _lines() -> dict[str, pl.DataFrame]:
    """Lines of 0.6 billion, and what is due beside margin."""
    return {
        "facility": pl.DataFrame(
            {
                "facility_id": ["REVOLVER", "OVERDRAFT"],
                "entity_id": ["FUND"] * 2,
                "ccy": ["USD"] * 2,
                "commitment": [4.0e8, 2.0e8],
                "committed": [True, False],
                "notice_h": [1, 0],
                "cut_off_hour": [21, 15],
                "max_draw_per_day": [2.0e8, 2.0e8],
                "min_draw": [1.0e6, 0.0],
                "nav_floor_share": [0.8, 0.9],
                "undrawn_fee": [0.005, 0.0],
                "drawn_margin": [0.02, 0.03],
                "mac_clause": [False, True],
            }
        ),
        "cash_ladder": pl.DataFrame(
            {
                "entity_id": ["FUND"] * 4,
                "ccy": ["USD", "USD", "EUR", "USD"],
                "date": ["2026-11-23", "2026-11-27", "2026-11-30", "2026-12-15"],
                "hour": [15, 15, 12, 15],
                "kind": ["settlement", "fee", "coupon", "redemption"],
                "amount": [-2.0e7, -5.0e6, 3.0e6, -7.5e7],
                "certainty": ["contractual", "contractual", "contractual", "expected"],
            }
        ),
    }
