"""In whatever order fills and an action land, positions end as if all had come in time."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.book.fills import FillRow
from margin_assets.kernels.corporate.actions import NONE, SAME, Action, Ratio, Register, Version
from margin_assets.kernels.corporate.balances import Balance, Books, act
from margin_assets.kernels.corporate.tapes import (
    Entry,
    Late,
    enter,
    entries_of,
    late_effects,
    walked,
)

SECOND, MICRO = 1_000_000, 1_000_000
TRADE = st.tuples(st.integers(0, 9), st.integers(-5, 5).filter(bool), st.integers(0, 12))
"""Second of a fill, its units, and by how many seconds it lands late."""
KINDS = {
    "split": (Ratio(3, 2), None, NONE, "cash"),
    "reverse": (Ratio(1, 3), None, NONE, "up"),
    "merger": (NONE, "Y", Ratio(1, 2), "nearest"),
    "spin_off": (SAME, "Y", Ratio(1, 4), "keep"),
}


def action(kind: str, second: int) -> Action:
    own, other, given_, fractions = KINDS[kind]
    return Action(
        kind, "split", "X", second * SECOND, own, other, given_, 0, 0, fractions, 7 * MICRO, 0, -1
    )


def fills(trades: list[tuple[int, int, int]]) -> list[FillRow]:
    return [
        FillRow(
            f"F{n}",
            "A",
            "X",
            units * MICRO,
            10 * MICRO,
            second * SECOND,
            (second + late) * SECOND,
            None,
        )
        for n, (second, units, late) in enumerate(trades)
    ]


def lived(rows: list[FillRow], register: Register, versions: list[Version]) -> tuple[Books, int]:
    """Positions and cash of actions as the live day has them, point by point."""
    books: Books = {}
    cash = 0
    for second in range(40):
        point = second * SECOND
        for due in register.due(point):
            cash += act(due, books).at_once
        now = sorted((r for r in rows if r.point == point), key=lambda r: (r.event_time, r.fill_id))
        traded: dict[str, int] = defaultdict(int)
        for row in now:
            traded["X"] += row.quantity
            enter(books, Entry(row.event_time, point, "", "X", row.quantity, row.price))
        acted = register.acted(point)
        is_late = any(a.at > row.event_time for a in acted for row in now)
        if is_late or any(v.known == point and v.action.at < point for v in versions):
            late = Late("A", register.connected("X"), point)
            for effect in late_effects(late, (rows, []), register, traded).effects:
                held = books.pop(effect.symbol, Balance())
                total = held.quantity + effect.quantity
                if total:
                    sales = (effect.sale_quantity, effect.sale_proceeds)
                    books[effect.symbol] = Balance(total, effect.price, *sales)
                cash += effect.cash
    return books, cash


@settings(deadline=None)
@given(
    st.lists(TRADE, max_size=6),
    st.sampled_from([*KINDS]),
    st.integers(0, 9),
    st.sampled_from([0, 0, 3, 15]),
)
def test_late_ends_as_in_time(
    trades: list[tuple[int, int, int]], kind: str, ex: int, delay: int
) -> None:
    rows, acting = fills(trades), action(kind, ex)
    register = Register()
    version = Version(acting, kind, None, 0, (ex + delay) * SECOND if delay else 0)
    register.learn([version])

    books, cash = lived(rows, register, [version])

    # In time: every fill in its own second, whenever it landed.
    in_time = [row._replace(point=row.event_time) for row in rows]
    expected = walked(entries_of(in_time, 40 * SECOND), [acting])
    quantities = {name: one.quantity for name, one in books.items()}
    assert quantities == {name: one.quantity for name, one in expected.books.items()}
    assert cash == expected.cash
