import polars as pl

from margin_assets.dashboard.pages.migration import Day, migrations

OK, WARNING, CALL, CLOSE_ONLY, LIQUIDATION = range(5)


def account(name: str, margin: int = 0, **flags: bool) -> dict[str, object]:
    quiet = dict.fromkeys(("is_stressed", "is_overdue", "is_liquidating", "minimum_call"), False)
    return {"account_id": name, "margin_status": margin} | quiet | flags


def decided(name: str, cycle: int, dimension: str, left: str, number: int = 0) -> dict[str, object]:
    told = {"account_id": name, "cycle": cycle, "decision_number": number}
    return told | {"dimension": dimension, "from_state": left}


def test_days_are_walked_back_from_what_is():
    """A falls on the second day and recovers on the third; B is closed there, C never moves."""
    accounts = [account("A"), account("B", 2, is_overdue=True), account("C", 1)]
    decisions = [
        decided("A", 3, "margin_status", "ok"),
        decided("A", 4, "margin_status", "warning"),
        decided("A", 6, "margin_status", "call"),
        decided("B", 5, "margin_status", "ok"),
        decided("B", 6, "restriction", "none", 1),
        # A second reason of a restriction that stands.
        decided("B", 6, "restriction", "close_only", 2),
    ]
    days = [Day("2026-03-02", 2), Day("2026-03-03", 5), Day("2026-03-04", 6)]

    found = dict(migrations(pl.DataFrame(accounts), pl.DataFrame(decisions), days))

    assert list(found) == ["2026-03-04", "2026-03-03"]
    assert found["2026-03-04"] == [
        (WARNING, WARNING, 1),
        (CALL, OK, 1),
        (CALL, CLOSE_ONLY, 1),
    ]
    assert found["2026-03-03"] == [(OK, CALL, 2), (WARNING, WARNING, 1)]


def test_the_level_is_the_highest_of_the_dimensions():
    accounts = [account("L", 2, is_stressed=True, is_liquidating=True), account("M")]
    decisions = [
        decided("L", 2, "liquidation", "none"),
        decided("M", 2, "minimum_equity", "call"),
    ]

    days = [Day("2026-03-02", 1), Day("2026-03-03", 2)]
    ((_, counts),) = migrations(pl.DataFrame(accounts), pl.DataFrame(decisions), days)

    assert counts == [(CALL, OK, 1), (CLOSE_ONLY, LIQUIDATION, 1)]
