"""What an action does to the positions of one account, exactly.

Quantities in micro-units, prices and proceeds in micro-dollars, cash in cents; a short position
owes what a long one is due. Rounding is half away from zero, of each figure once.
"""

from dataclasses import dataclass

from margin_assets.kernels.corporate.actions import SAME, Action, Ratio
from margin_assets.kernels.numeric.money import BEYOND, MICRO
from schemas.books import IN_CASH, KEPT, ROUNDED_UP
from schemas.columns import MAX_PRICE

_CENT = MICRO * MICRO // 100
"""Micro-units x micro-dollars in a cent."""
DEAREST = int(MAX_PRICE) * MICRO
"""Up to here values are exact and tables take a price: beyond, only a false ratio comes."""


@dataclass
class Balance:
    """One position: what is held, its last price of a trade, and the opening sales of a short."""

    quantity: int = 0
    price: int = 0
    sold: int = 0
    proceeds: int = 0


Books = dict[str, Balance]
"""Positions of one account by symbol; none is flat."""


@dataclass
class Paid:
    """What an action pays an account, cents: at once, and owed from the ex date on."""

    at_once: int = 0
    owed: int = 0


def act(action: Action, books: Books) -> Paid:
    """Takes an action into the positions of an account; returns what it pays."""
    held = books.get(action.symbol)
    if held is None:
        return Paid()
    paid = Paid(_cents(held.quantity, action.paid), _cents(held.quantity, action.owed))
    if action.other is not None and action.given.units:
        quantity, cash = divided(held.quantity, action.given, action)
        paid.at_once += cash
        _give(books, action, held, quantity)
    if action.own != SAME:
        del books[action.symbol]
        if action.own.units:
            quantity, cash = divided(held.quantity, action.own, action)
            paid.at_once += cash
            own = Balance(quantity, *_carried(held, action.own))
            _put(books, action.symbol, own)
    return paid


def divided(quantity: int, ratio: Ratio, action: Action) -> tuple[int, int]:
    """Units that a quantity becomes, whole or not as the action says, and cash for what is not."""
    size = abs(quantity) * ratio.units
    if action.fractions == KEPT:
        units, cash = _nearest(size, ratio.per), 0
    else:
        units, rest = divmod(size, ratio.per * MICRO)
        cash = 0
        if action.fractions == IN_CASH:
            cash = _nearest(rest * action.fraction_price, ratio.per * _CENT)
        elif action.fractions == ROUNDED_UP:
            units += rest > 0
        else:
            units += 2 * rest >= ratio.per * MICRO
        units *= MICRO
    units = min(units, BEYOND)
    return (units, cash) if quantity > 0 else (-units, -cash)


def carried_price(price: int, ratio: Ratio) -> int:
    """A price of a unit before as one of the units that it becomes; it may be beyond `DEAREST`."""
    return _nearest(price * ratio.per, ratio.units)


def carried_units(units: int, ratio: Ratio) -> int:
    """A number of units before as one of those that they become; not negative."""
    return min(_nearest(units * ratio.units, ratio.per), BEYOND)


def _give(books: Books, action: Action, held: Balance, quantity: int) -> None:
    """Adds units of the other symbol; they bring the opening sales along where nothing stays."""
    other = books.get(action.other or "", Balance())
    price, sold, proceeds = _carried(held, action.given)
    if action.given_value:
        price = action.given_value
    if action.own.units:
        # What stays behind keeps its sales; those of what is given are not known.
        sold = proceeds = 0
    total = other.quantity + quantity
    if total >= 0:
        sold = proceeds = 0
    elif other.quantity < 0:
        sold, proceeds = other.sold + sold, min(other.proceeds + proceeds, BEYOND)
    given = Balance(total, other.price or price, sold, proceeds)
    _put(books, action.other or "", given)


def _carried(held: Balance, ratio: Ratio) -> tuple[int, int, int]:
    """Last price of a trade, no dearer than any may be, and opening sales over a ratio."""
    sold = min(held.sold * ratio.units // ratio.per, BEYOND)
    return min(carried_price(held.price, ratio), DEAREST), sold, held.proceeds


def _put(books: Books, symbol: str, balance: Balance) -> None:
    if balance.quantity:
        books[symbol] = balance
    else:
        books.pop(symbol, None)


def _cents(quantity: int, price: int) -> int:
    """Quantity x price in cents."""
    cents = _nearest(abs(quantity) * price, _CENT)
    return cents if quantity >= 0 else -cents


def _nearest(size: int, by: int) -> int:
    """A quotient of what is not negative, rounded half up."""
    return (2 * size + by) // (2 * by)
