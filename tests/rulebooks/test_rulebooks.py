"""Cycles decide by the rulebooks that they were planned under."""

from datetime import date

import pytest

from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.rulebooks import (
    RulebookMissing,
    in_force,
    installed,
    planned_under,
    versions,
    versions_in_force,
)

NOW = date(2026, 11, 28)
FIRST, SECOND = "2013-01-23", "2026-06-04"


def without(family: str, day: str) -> dict[str, dict[str, str]]:
    books = installed()
    return books | {family: {d: h for d, h in books[family].items() if d != day}}


def test_a_version_that_came_later_decides_nothing():
    today = rules_in_force(NOW)

    with planned_under(7, without("finra_4210", SECOND)):
        assert str(in_force("finra_4210", NOW).effective) == FIRST
        assert len(versions("finra_4210")) == 1
        then = rules_in_force(NOW)

    assert str(in_force("finra_4210", NOW).effective) == SECOND
    assert then is not today
    assert rules_in_force(NOW) is today


def test_all_that_is_installed_is_remembered_once():
    with planned_under(7, installed()):
        inside = rules_in_force(NOW)

    assert inside is rules_in_force(NOW)


def test_cycles_from_before_hashes_were_kept_name_versions_alone():
    with planned_under(7, {"house": ["2020-01-01"]}):
        assert str(in_force("house", NOW).effective) == "2020-01-01"


def test_a_version_that_is_not_installed_is_named():
    books = installed()
    books["tims"]["2031-01-01"] = "0" * 16

    with (
        pytest.raises(RulebookMissing, match="cycle 7 was planned under rulebook tims/2031-01-01"),
        planned_under(7, books),
    ):
        pass


def test_a_version_with_another_text_is_named():
    books = installed()
    books["house"]["2020-01-01"] = "0" * 16

    with (
        pytest.raises(RulebookMissing, match="another text of rulebook house/2020-01-01"),
        planned_under(7, books),
    ):
        pass


def test_bounds_of_the_lake_may_be_set_anew():
    books = installed()
    books["lake"] = dict.fromkeys(books["lake"], "0" * 16)

    with planned_under(7, books):
        assert versions("lake")


def test_a_family_that_came_later_is_named_in_no_earlier_decision():
    before = {family: days for family, days in installed().items() if family != "liquidation"}

    with planned_under(7, before):
        assert "liquidation" not in versions_in_force(NOW)
        assert in_force("liquidation", NOW).effective == date(2020, 1, 1)
    assert "liquidation" in versions_in_force(NOW)
