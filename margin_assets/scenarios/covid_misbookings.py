"""What the desk first got wrong, and how it was put right; what the owners meant stays."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time

from margin_assets.scenarios.covid_market import Session
from margin_assets.scenarios.covid_owners import Fill

_CORRECTED_AT = time(8, 45)
_CORRECTED_AGAIN_AT = time(8, 50)

# Of every 50 accounts, the one at this place has its first fill misbooked in this way.
_EVERY = 50
_WRONG_PRICE, _WRONG_QUANTITY, _BOOKED_TWICE, _CORRECTED_TWICE = 7, 17, 27, 37


def as_booked(
    fills_by_account: Iterable[Sequence[Fill]], sessions: Sequence[Session]
) -> Iterator[Fill]:
    """Fills as they landed: a few first fills misbooked, and put right the next morning.

    Once all corrections stand, positions and cash are those of the fills given.
    """
    for number, (first, *others) in enumerate(fills_by_account):
        morning = next(s for s in sessions if s.at(_CORRECTED_AT) > first.event_time)
        yield from _misbooked(number % _EVERY, first, morning)
        yield from others


def _misbooked(place: int, fill: Fill, morning: Session) -> list[Fill]:
    at = morning.at(_CORRECTED_AT)
    if place == _WRONG_PRICE:
        return [_mispriced(fill), _correction(fill, fill, "C1", at)]
    if place == _WRONG_QUANTITY:
        return [_doubled(fill), _correction(fill, fill, "C1", at)]
    if place == _BOOKED_TWICE:
        twin = fill._replace(fill_id=f"{fill.fill_id}-D")
        return [fill, twin, _correction(twin, twin._replace(quantity=0), "C1", at)]
    if place == _CORRECTED_TWICE:
        halfway = _correction(fill, _doubled(fill), "C1", at)
        second = _correction(halfway, fill, "C2", morning.at(_CORRECTED_AGAIN_AT))
        return [_mispriced(fill), halfway, second]
    return [fill]


def _mispriced(fill: Fill) -> Fill:
    return fill._replace(price=fill.price + 1)


def _doubled(fill: Fill) -> Fill:
    return fill._replace(quantity=2 * fill.quantity)


def _correction(wrong: Fill, right: Fill, suffix: str, at: datetime) -> Fill:
    return right._replace(
        fill_id=f"{right.fill_id}-{suffix}", event_time=at, corrects_fill_id=wrong.fill_id
    )
