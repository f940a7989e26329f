"""The Regulation T book as the frame of `special_memorandum_accounts`: live and by date alike."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_decimal, to_instants
from margin_assets.kernels.reg_t.reg_t_book import RegTBook
from margin_assets.kernels.reg_t.sma import RegTFigures, available, buying_power
from margin_assets.kernels.rules.instants import UNSET
from margin_assets.kernels.rules.rules import Rules
from schemas.reg_t import MOVERS


def memorandum_frame(
    book: RegTBook, names: Sequence[str], places: Int64Array, now: RegTFigures, rules: Rules
) -> pl.DataFrame:
    """Accounts at places, where they stand now, by account; without `as_of` and cycle.

    They buy with the greater of SMA and excess, less what calls still lack.
    """
    balance, owed = book.balance[places], book.owed[places]
    sma = np.maximum(balance - owed, 0)
    power = buying_power(available(balance, owed, now.excess), now.spare, rules)
    words = [MOVERS[code] if code != UNSET else None for code in book.moved_by[places].tolist()]
    return pl.DataFrame(
        {
            "account_id": pl.Series([names[a] for a in places.tolist()], dtype=pl.String),
            "sma": to_decimal(sma, 2),
            "toward_calls": to_decimal(np.clip(balance, 0, owed), 2),
            "shortfall": to_decimal(np.maximum(-balance, 0), 2),
            "open_calls": to_decimal(owed, 2),
            "regulation_t_requirement": to_decimal(now.requirement, 2),
            "reg_t_excess": to_decimal(now.excess, 2),
            "buying_power": to_decimal(power, 2),
            "is_restricted": pl.Series(now.excess < 0, dtype=pl.Boolean),
            "is_determinate": pl.Series(now.is_known, dtype=pl.Boolean),
            "moved_at": to_instants(book.moved_at[places]),
            "moved_by": pl.Series(words, dtype=pl.String),
        }
    ).sort("account_id")
