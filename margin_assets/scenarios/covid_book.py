"""What the owners do from January to April 2020, as feed frames; no prices but the real closes.

Every dollar comes by a cash movement and every share by a fill; a debit is what was borrowed.
Owners judge their accounts by plain percentages, which only steer what they do: the figures that
count are computed from the landed rows by the rulebooks. Trades near the close are at that close,
those of the morning at the last one, since the data have no other prices. Dividends, interest and
fees are round figures of ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import pairwise

import polars as pl

from margin_assets.scenarios.batch import feed_frame
from margin_assets.scenarios.covid_market import BENCHMARK, Session
from margin_assets.scenarios.covid_misbookings import as_booked
from margin_assets.scenarios.covid_owners import (
    Owner,
    cents,
    equity,
    initial_per_share,
    maintenance,
    owners,
)

_OPENED_AT = time(9, 0)
_CASH_AT = time(9, 5)
_ANSWERED_AT = time(9, 35)
_TRADED_AT = time(15, 59, 30)

_DIVIDEND_DAY = date(2020, 3, 10)
_DIVIDEND_USD_PER_SHARE = {"JNJ": Decimal("0.95"), "XOM": Decimal("0.85")}
_DEBIT_INTEREST_PER_MONTH = Decimal("0.005")
_BORROW_FEE_PER_MONTH = Decimal("0.0025")
_WITHDRAWING_PERCENT = 10
_REBALANCING_PERCENT = 3

# A fifth more than the call, so that the next tick does not call again.
_ANSWER_FACTOR = Decimal("1.2")
# Excess over gross value above which an owner is far from any restriction and still trades.
_COMFORT = Decimal("0.15")


def book(sessions: Sequence[Session]) -> dict[str, pl.DataFrame]:
    """Accounts, cash movements and fills of every owner, in event order.

    The same sessions give the same book.
    """
    everyone = list(owners())
    openings = [_live(owner, sessions) for owner in everyone]
    return {
        "accounts": _in_order("accounts", map(_registration, everyone, openings)),
        "cash_movements": _in_order(
            "cash_movements", (row for owner in everyone for row in owner.movements)
        ),
        "fills": _in_order("fills", as_booked([owner.fills for owner in everyone], sessions)),
    }


def _registration(owner: Owner, opening: Session) -> tuple[object, ...]:
    account_type = owner.temper.account_type
    return (owner.account_id, account_type, opening.day, opening.at(_OPENED_AT))


def _in_order(feed: str, rows: Iterable[tuple[object, ...]]) -> pl.DataFrame:
    frame = feed_frame(feed, rows)
    return frame.sort("event_time", frame.columns[0])


def _live(owner: Owner, sessions: Sequence[Session]) -> Session:
    lifetime = sessions[owner.draw(owner.temper.opens) :]
    _open(owner, lifetime[0])
    for before, today in pairwise(lifetime):
        if today.day.month != before.day.month:
            _charge(owner, today, before.closes)
            _withdraw(owner, today)
            _save(owner, today)
        if today.day == _DIVIDEND_DAY:
            _receive_dividends(owner, today)
        _heed_call(owner, today, before.closes)
        if owner.happens(_REBALANCING_PERCENT) and _is_comfortable(owner, today.closes):
            _rebalance(owner, today)
    return lifetime[0]


def _open(owner: Owner, today: Session) -> None:
    temper = owner.temper
    deposit = Decimal(1_000 * owner.draw(temper.deposit_thousands))
    owner.pocket = deposit / 2
    owner.move(deposit, "deposit", today.at(_CASH_AT))
    budget = deposit * owner.draw(temper.usage) / 100
    short_budget = budget * owner.draw(temper.short) / 100
    symbols = _choose(owner, today)
    shorts = round(len(symbols) * short_budget / budget)
    _enter(owner, today, symbols[:shorts], -short_budget)
    _enter(owner, today, symbols[shorts:], budget - short_budget)


def _choose(owner: Owner, today: Session) -> list[str]:
    stocks = owner.temper.choice or sorted(set(today.closes) - {BENCHMARK})
    chosen = owner.rng.permutation(len(stocks))[: owner.draw(owner.temper.names)]
    return [stocks[position] for position in chosen]


def _enter(owner: Owner, today: Session, symbols: list[str], budget: Decimal) -> None:
    # A negative budget sells short. The initial requirement of what is opened fits the budget.
    weights = {symbol: owner.draw((1, 4)) for symbol in symbols}
    side = -1 if budget < 0 else 1
    for symbol, weight in weights.items():
        share = abs(budget) * weight / sum(weights.values())
        price = today.closes[symbol]
        needed = initial_per_share(owner.temper.account_type, side, price)
        owner.trade(symbol, side * _whole(share / needed), price, today.at(_TRADED_AT))


def _charge(owner: Owner, today: Session, closes: Mapping[str, Decimal]) -> None:
    interest = cents(min(owner.cash, Decimal(0)) * _DEBIT_INTEREST_PER_MONTH)
    short_value = sum(min(q, 0) * closes[symbol] for symbol, q in owner.positions.items())
    owner.move(interest, "interest", today.at(_CASH_AT))
    owner.move(cents(short_value * _BORROW_FEE_PER_MONTH), "fee", today.at(_CASH_AT))


def _withdraw(owner: Owner, today: Session) -> None:
    if owner.temper.saves and owner.cash > 0 and owner.happens(_WITHDRAWING_PERCENT):
        owner.move(-cents(owner.cash / 10), "withdrawal", today.at(_CASH_AT))


def _save(owner: Owner, today: Session) -> None:
    if owner.temper.saves and owner.longs():
        savings = Decimal(100 * owner.draw((2, 15)))
        owner.move(savings, "deposit", today.at(_CASH_AT))
        symbol = owner.longs()[owner.draw((0, len(owner.longs()) - 1))]
        price = today.closes[symbol]
        owner.trade(symbol, _whole(savings / price), price, today.at(_TRADED_AT))


def _receive_dividends(owner: Owner, today: Session) -> None:
    # Who is short pays the dividend.
    for symbol, usd_per_share in _DIVIDEND_USD_PER_SHARE.items():
        dividend = owner.positions.get(symbol, 0) * usd_per_share
        owner.move(cents(dividend), "dividend", today.at(_CASH_AT))


def _heed_call(owner: Owner, today: Session, closes: Mapping[str, Decimal]) -> None:
    deficiency = maintenance(owner, closes) - equity(owner, closes)
    owner.mornings_called = owner.mornings_called + 1 if deficiency > 0 else 0
    if owner.mornings_called < owner.patience or not owner.patience or deficiency <= 0:
        return
    hundreds = (deficiency * _ANSWER_FACTOR / 100).to_integral_value(ROUND_CEILING)
    if owner.pays and hundreds * 100 <= owner.pocket:
        owner.pocket -= hundreds * 100
        owner.move(hundreds * 100, "deposit", today.at(_ANSWERED_AT))
    else:
        _reduce(owner, today, closes, deficiency)


def _reduce(
    owner: Owner, today: Session, closes: Mapping[str, Decimal], deficiency: Decimal
) -> None:
    # Closing a part of every position leaves equity as it is and frees that part of the margin.
    requirement = maintenance(owner, closes)
    for symbol, quantity in sorted(owner.positions.items()):
        part = abs(quantity) * min(Decimal(1), _ANSWER_FACTOR * deficiency / requirement)
        closed = int(part.to_integral_value(ROUND_CEILING))
        owner.trade(
            symbol, -closed if quantity > 0 else closed, closes[symbol], today.at(_ANSWERED_AT)
        )


def _is_comfortable(owner: Owner, closes: Mapping[str, Decimal]) -> bool:
    gross = sum(abs(q) * closes[symbol] for symbol, q in owner.positions.items())
    return equity(owner, closes) - maintenance(owner, closes) >= gross * _COMFORT


def _rebalance(owner: Owner, today: Session) -> None:
    # Half of one long position becomes another; what is bought never costs more than was sold.
    longs = owner.longs()
    if not longs:
        return
    sold = longs[owner.draw((0, len(longs) - 1))]
    bought = _choose(owner, today)[0]
    if sold == bought:
        return
    quantity = owner.positions[sold] // 2
    proceeds = quantity * today.closes[sold]
    at = today.at(_TRADED_AT)
    owner.trade(sold, -quantity, today.closes[sold], at)
    owner.trade(bought, _whole(proceeds / today.closes[bought]), today.closes[bought], at)


def _whole(shares: Decimal) -> int:
    return int(shares.to_integral_value(ROUND_FLOOR))
