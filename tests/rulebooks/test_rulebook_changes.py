"""Numbers of rulebooks changed by a document, for who tries what another policy would do."""

from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.kernels.rules.overlay_rules import overlay_rules
from margin_assets.kernels.rules.rules import SECOND, rules_in_force, rules_under
from margin_assets.rulebooks import changed_by, in_force, installed, planned_under, versions
from margin_assets.rulebooks.changes import merged, parsed_changes, setting
from margin_assets.rulebooks.paths import flat

DAY = date(2020, 3, 9)
OTHER = {"house": {"ladder": {"warning_below": 0.04, "overdue_minutes": 10}}}


def test_a_changed_number_decides_and_all_others_stay():
    was, now = rules_in_force(DAY), rules_under(DAY, OTHER)

    assert (was.warning_below, now.warning_below) == (50_000, 40_000)
    assert now.overdue_after == 10 * 60 * SECOND
    back = now._replace(warning_below=was.warning_below, overdue_after=was.overdue_after)
    assert all(np.array_equal(a, b) for a, b in zip(was, back, strict=True))
    assert rules_in_force(DAY) is was


def test_every_kernel_within_decides_by_the_changes():
    on = {"overlays": {"low_price": {"enabled": True}}}

    with changed_by(on), changed_by(OTHER):
        assert overlay_rules(DAY).enabled == frozenset()
    with changed_by(merged(on, OTHER)):
        assert overlay_rules(DAY).enabled == {"low_price"}
        assert rules_in_force(DAY) is rules_in_force(DAY)
    assert overlay_rules(DAY).enabled == frozenset()


def test_a_planned_cycle_is_never_changed():
    with changed_by(OTHER), planned_under(1, installed()):
        assert rules_in_force(DAY).warning_below == 50_000


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("house.ladder.warning_below=0.04", {"house": {"ladder": {"warning_below": 0.04}}}),
        ("house.stress.benchmark = QQQ", {"house": {"stress": {"benchmark": "QQQ"}}}),
        (
            "overlays.volatility.above=[0.1, 0.2]",
            {"overlays": {"volatility": {"above": [0.1, 0.2]}}},
        ),
        ("overlays.initial.enabled=true", {"overlays": {"initial": {"enabled": True}}}),
    ],
)
def test_a_setting_is_a_document(text: str, document: dict[str, Any]):
    assert setting(text) == document


@pytest.mark.parametrize("text", ["", "=1", "house=1", "house.ladder", "house..x=1", "house.x="])
def test_what_is_no_setting_is_refused(text: str):
    with pytest.raises(ValueError, match="is no setting: write family"):
        setting(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[hous]\nx = 1", r"p.toml: unknown family 'hous': did you mean 'house'\?"),
        ("house = 1", "unknown family 'house'"),
        ("[notifications.digest]\nx = 1", "unknown family 'notifications'"),
        (
            "[house.ladder]\nwarning_bellow = 0.1",
            r"ladder.warning_bellow is unknown: did you mean 'ladder.warning_below'\?",
        ),
        ("[house.ladder]\nwarning_below = true", "is True where the version in force has 0.05"),
        (
            "[house.ladder]\nwarning_below = 0.07",
            "house as changed: ladder.warning_below is 0.07: above ladder.warning_ends_at, 0.06",
        ),
        ("[house", "p.toml: "),
    ],
)
def test_what_no_rulebook_says_is_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        parsed_changes(text, "p.toml", DAY)


def test_a_version_without_the_number_refuses_it():
    """A rule that came later cannot be changed before it was there."""
    first, *_, last = versions("intraday")
    new = set(flat(in_force("intraday", last).numbers))
    new -= flat(in_force("intraday", first).numbers).keys()
    (section, *path), *_ = sorted(new)
    value: Any = flat(in_force("intraday", last).numbers)[(section, *path)]
    for key in reversed([section, *path]):
        value = {key: value}

    with changed_by({"intraday": value}):
        assert in_force("intraday", last).numbers
        with pytest.raises(ValueError, match="is unknown"):
            in_force("intraday", first)


KEYS = st.sampled_from("abc")
DOCUMENTS = st.dictionaries(
    KEYS, st.integers() | st.dictionaries(KEYS, st.integers(), max_size=2), max_size=3
)


@given(DOCUMENTS, DOCUMENTS)
def test_what_a_later_document_says_stands(one: dict[str, Any], other: dict[str, Any]):
    both = merged(one, other)

    assert merged(both, other) == both
    assert flat(other).items() <= flat(both).items()
    assert merged({}, one) == one
