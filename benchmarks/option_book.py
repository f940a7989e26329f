"""A million option positions over 50,000 series and 100,000 accounts: a cycle's whole compute.

Values at the ten points and in the eight scenarios, least-requirement grouping, portfolio margin
and stress of every account; then the same where the prices of 1% of the underlyings changed.
"""

from datetime import date
from typing import Any

import numpy as np

from benchmarks.output import median_seconds, show
from margin_assets.kernels.book.book import PORTFOLIO, REG_T, Book
from margin_assets.kernels.book.figures import empty_figures
from margin_assets.kernels.book.series import OPTION, Series
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.options.option_terms import Contracts
from margin_assets.kernels.options.options import series_values
from margin_assets.kernels.options.quotes import implied_of
from margin_assets.kernels.options.valuation import option_values, update_values
from margin_assets.kernels.rules.rules import Rules, rules_in_force
from margin_assets.kernels.securities.bare_series import securities

ACCOUNTS, PER_ACCOUNT, UNDERLYINGS, A_CHAIN = 100_000, 10, 500, 100
DAY = date(2026, 6, 8)
MICRO = 1_000_000
NOTHING = np.zeros(0, dtype=np.int64)


def make_market(seed: int = 4210) -> Series:
    """Seeded chains: underlyings first, then each one's hundred options, priced by the model."""
    rng = np.random.default_rng(seed)
    count = UNDERLYINGS * (A_CHAIN + 1)
    owner = np.concatenate(
        [np.arange(UNDERLYINGS), np.repeat(np.arange(UNDERLYINGS), A_CHAIN)]
    ).astype(np.int32)
    spot = rng.uniform(20, 500, UNDERLYINGS).round(2)
    volatility = rng.uniform(0.15, 0.7, UNDERLYINGS)
    is_option = np.arange(count) >= UNDERLYINGS
    place = np.tile(np.arange(A_CHAIN), UNDERLYINGS)
    strike = (spot[owner[is_option]] * (0.75 + 0.5 * (place // 5) / 20)).round(1)
    days = np.array([11, 39, 67, 130, 221], dtype=np.int32)[place % 5]
    is_call = (place // 10) % 2 == 0
    price = np.concatenate([spot, np.ones(is_option.sum())])
    fair = series_values(
        spot[owner[is_option]],
        Contracts(
            strike,
            days / 365,
            np.full(len(strike), 0.04),
            np.full(len(strike), 0.01),
            is_call,
            np.ones(len(strike), dtype=np.bool_),
        ),
        volatility[owner[is_option]] * rng.uniform(0.9, 1.1, len(strike)),
        np.ones((len(strike), 1)),
    )[:, 0]
    price[is_option] = np.maximum(fair.round(2), 0.01)
    bare = securities(
        price=np.rint(price * MICRO).astype(np.int64),
        price_state=np.zeros(count, dtype=np.int8),
        leverage=np.full(count, MICRO, dtype=np.int64),
        is_marginable=np.ones(count, dtype=np.bool_),
        input_state=np.zeros(count, dtype=np.int32),
        beta=rng.uniform(0.3, 2.2, UNDERLYINGS).round(4)[owner],
        class_group=owner,
        range_class=np.zeros(count, dtype=np.int8),
    )
    micro_spot = np.rint(spot * MICRO).astype(np.int64)

    def of_options(values: np.ndarray, other: Any = 0) -> np.ndarray:
        found = np.full(count, other, dtype=values.dtype)
        found[is_option] = values
        return found

    never = np.iinfo(np.int32).max
    return bare._replace(
        kind=np.where(is_option, OPTION, 0).astype(np.int8),
        multiplier=np.where(is_option, 100 * MICRO, MICRO).astype(np.int64),
        name=owner,
        is_call=of_options(is_call, other=False),
        strike=of_options(np.rint(strike * MICRO).astype(np.int64)),
        expiry=of_options(days, never),
        hours_left=of_options(days * np.int32(24), never),
        is_american=is_option,
        underlying_price=of_options(micro_spot[owner[is_option]]),
        rate=np.where(is_option, 0.04, np.nan),
        dividend_yield=np.full(count, 0.01),
        implied_volatility=np.full(count, np.nan),
    )


def make_book(seed: int = 7) -> Book:
    """Seeded accounts of ten options each on one or two underlyings, a fifth of them under PM."""
    rng = np.random.default_rng(seed)
    chain = rng.integers(0, UNDERLYINGS, (ACCOUNTS, 2))
    which = (np.arange(PER_ACCOUNT) >= 6).astype(np.int64)
    strides = rng.integers(1, 9, (ACCOUNTS, PER_ACCOUNT)).cumsum(axis=1) % A_CHAIN
    of_chain = np.sort(chain, axis=1)[:, which]
    held = np.sort(UNDERLYINGS + of_chain * A_CHAIN + strides, axis=1).astype(np.int32)
    distinct = np.ones(held.shape, dtype=np.bool_)
    distinct[:, 1:] = held[:, 1:] != held[:, :-1]
    size = rng.choice([-5, -3, -2, -1, 1, 2, 3, 5], held.shape)
    quantity = (size * 100 * MICRO)[distinct].astype(np.int64)
    return Book(
        offsets=np.concatenate(([0], distinct.sum(axis=1).cumsum())).astype(np.int64),
        series=held[distinct],
        quantity=quantity,
        last_fill_price=np.ones(len(quantity), dtype=np.int64),
        sale_price=np.zeros(len(quantity), dtype=np.int64),
        account_type=np.where(np.arange(ACCOUNTS) % 5 == 0, PORTFOLIO, REG_T).astype(np.int8),
        is_registered=np.ones(ACCOUNTS, dtype=np.bool_),
        is_exempt=np.zeros(ACCOUNTS, dtype=np.bool_),
        cash=rng.integers(0, 50_000_000, ACCOUNTS),
    )


def _values(series: Series, rules: Rules) -> tuple[Series, Any]:
    options = np.flatnonzero(series.kind == OPTION)
    implied = series.implied_volatility.copy()
    implied[options] = implied_of(series, options, rules)
    known = series._replace(implied_volatility=implied)
    return known, option_values(known, rules, NOTHING)


def main() -> dict[str, Any]:
    """Times the parts and the whole, all accounts and after a change of 1% of the underlyings."""
    rules = rules_in_force(DAY)
    series = make_market()
    book = make_book()
    figures = empty_figures(ACCOUNTS, rules)
    everyone = np.arange(ACCOUNTS, dtype=np.int64)
    known, values = _values(series, rules)
    revalue(book, known, rules, values, (everyone, figures))
    moved = np.arange(0, UNDERLYINGS, 100)
    chosen = np.flatnonzero((series.kind == OPTION) & np.isin(series.class_group, moved))
    owner = np.repeat(everyone, np.diff(book.offsets))
    touched = np.unique(owner[np.isin(book.series, chosen)])

    def whole() -> None:
        fresh, valued = _values(series, rules)
        revalue(book, fresh, rules, valued, (everyone, figures))

    def changed() -> None:
        known.implied_volatility[chosen] = implied_of(known, chosen, rules)
        update_values(values, known, rules, chosen)
        revalue(book, known, rules, values, (touched, figures))

    seconds = {
        "implied volatility and values": median_seconds(lambda: _values(series, rules), times=3),
        "grouping, portfolio margin, stress": median_seconds(
            lambda: revalue(book, known, rules, values, (everyone, figures)), times=3
        ),
        "whole": median_seconds(whole, times=3),
        "after 1% of the underlyings moved": median_seconds(changed),
    }
    unproven = int((figures.states >> 13 & 1).sum())
    facts = {
        "positions": len(book.series),
        "series": int((series.kind == OPTION).sum()),
        "accounts": ACCOUNTS,
        "accounts touched by 1%": len(touched),
        "accounts without proof": unproven,
    }
    return {"seconds": seconds, "counts": facts}


if __name__ == "__main__":
    show({"option_book": main()})
