from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.kernels.margin.margined import Margined, margined
from margin_assets.kernels.margin.requirements import margin_summary, summary_of
from margin_assets.kernels.margin.rulebook_moves import rulebook_moves, seen_under, totals_of
from margin_assets.kernels.rules.rules import DECIDING, Rules, rules_in_force, rules_of
from margin_assets.rulebooks import FAMILIES, Rulebook, in_force, versions
from margin_assets.rulebooks.drafts import named
from margin_assets.rulebooks.paths import flat
from tests.support import ROOT
from tests.support.portfolios import DAY, RULES, Holding, Owner, Portfolio, Term, portfolio

USD = pl.Decimal(38, 2)
Stated = dict[str, tuple[int, int]]


def summary(stated: Stated, *, indeterminate: str = "") -> pl.DataFrame:
    """Requirement and excess of each account."""
    rows = [
        (account, "reg_t", "indeterminate" if account in indeterminate else "determinate", r, x)
        for account, (r, x) in stated.items()
    ]
    names = ["account_id", "account_type", "status", "governing_requirement", "excess"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return frame.with_columns(pl.col("governing_requirement", "excess").cast(USD))


def changed(family: str, *path: str, to: object) -> Rulebook:
    """The family's rulebook of the day with one number changed."""
    book = in_force(family, DAY)
    return Rulebook(family, book.effective, _with(book.numbers, path, to))


def _with(numbers: dict[str, Any], path: tuple[str, ...], to: object) -> dict[str, Any]:
    key, *rest = path
    return {**numbers, key: _with(numbers[key], tuple(rest), to) if rest else to}


def under(book: Rulebook) -> Rules:
    return rules_of({family: in_force(family, DAY) for family in DECIDING} | {book.family: book})


def moves_to(book: Rulebook, case: Portfolio) -> pl.DataFrame:
    return rulebook_moves(margin_summary(margined(*case)), summary_of(Margined(*case, under(book))))


@pytest.mark.parametrize(
    ("before", "after", "unknown", "moves"),
    [
        pytest.param({"A": (25, 75)}, {"A": (25, 75)}, "", [], id="nobody moves"),
        pytest.param({}, {}, "", [], id="nobody is there"),
        pytest.param(
            {"A": (25, 75)}, {"A": (30, 70)}, "", [("A", "ok", "ok", 5)], id="a higher requirement"
        ),
        pytest.param(
            {"A": (25, 5)}, {"A": (30, 0)}, "", [("A", "ok", "ok", 5)], id="no excess is no call"
        ),
        pytest.param(
            {"A": (25, 4)}, {"A": (30, -1)}, "", [("A", "ok", "call", 5)], id="newly in call"
        ),
        pytest.param({"A": (30, -1)}, {"A": (25, 4)}, "", [("A", "call", "ok", -5)], id="cured"),
        pytest.param(
            {"A": (30, -1)},
            {"A": (25, 4)},
            "A",
            [("A", "call", "call", -5)],
            id="an indeterminate account is not cured",
        ),
        pytest.param(
            {"A": (25, 4)},
            {"A": (30, -1)},
            "A",
            [("A", "ok", "call", 5)],
            id="an indeterminate account can be called",
        ),
        pytest.param(
            {"A": (75, 25)},
            {"A": (0, 0)},
            "",
            [("A", "ok", "ok", 25)],
            id="loan value lost: less required, more to bring in",
        ),
        pytest.param(
            {"A": (1, 9), "B": (1, 9), "C": (1, 9), "D": (1, 9)},
            {"A": (0, 10), "B": (4, 6), "C": (9, 1), "D": (4, 6)},
            "",
            [
                ("C", "ok", "ok", 8),
                ("B", "ok", "ok", 3),
                ("D", "ok", "ok", 3),
                ("A", "ok", "ok", -1),
            ],
            id="largest increase first, then by account",
        ),
    ],
)
def test_moves(before: Stated, after: Stated, unknown: str, moves: list[tuple[object, ...]]):
    found = rulebook_moves(
        summary(before, indeterminate=unknown), summary(after, indeterminate=unknown)
    )

    told = found.select("account_id", "status_before", "status_after", "change").rows()
    assert told == moves
    assert all(row["is_determinate"] == (unknown == "") for row in found.to_dicts())


def test_a_move_states_both_sides():
    row = rulebook_moves(summary({"A": (25, 4)}), summary({"A": (30, -1)})).row(0, named=True)

    assert (row["requirement_before"], row["requirement_after"]) == (25, 30)
    assert (row["excess_before"], row["excess_after"]) == (4, -1)


def test_totals():
    before = summary({"A": (25, 4), "B": (30, -1), "C": (30, -9), "D": (1, 1)})
    after = summary({"A": (30, -1), "B": (25, 4), "C": (37, -16), "D": (1, 1)})
    expected = {"moved": 3, "newly_in_call": 1, "cured": 1, "newly_warned": 0, "change": Decimal(7)}

    assert totals_of(rulebook_moves(before, after)) == expected


def test_totals_of_nobody():
    nobody = rulebook_moves(summary({}), summary({}))

    counts = dict.fromkeys(("moved", "newly_in_call", "cured", "newly_warned"), 0)
    assert totals_of(nobody) == counts | {"change": Decimal(0)}


def test_summaries_of_other_accounts_are_refused():
    with pytest.raises(ValueError, match="not of the same accounts"):
        rulebook_moves(summary({"A": (1, 1)}), summary({"B": (1, 1)}))


AMOUNT = st.integers(-(10**15), 10**15)
SIDES = st.dictionaries(
    st.sampled_from("ABCDEFGH"), st.tuples(AMOUNT, AMOUNT, AMOUNT, AMOUNT), max_size=8
)


@given(SIDES)
def test_the_way_back_is_the_opposite(sides: dict[str, tuple[int, int, int, int]]):
    before = summary({a: (r, x) for a, (r, x, _, _) in sides.items()})
    after = summary({a: (r, x) for a, (_, _, r, x) in sides.items()})
    there, back = totals_of(rulebook_moves(before, after)), totals_of(rulebook_moves(after, before))

    assert there["moved"] == back["moved"]
    assert there["change"] == -back["change"]
    assert (there["newly_in_call"], there["cured"]) == (back["cured"], back["newly_in_call"])


# 100 shares at 50: 5,000 long; maintenance 25%, 1,250.
LONG = Owner("LONG", cash=-3700, holdings=[Holding("X", 100)])
# Short 100 at 50: 30% is 1,500, $5 a share 500.
SHORT = Owner("SHORT", cash=9000, holdings=[Holding("X", -100)])
# Portfolio margin: 15% of 5,000 is 750.
GROUP = Owner("GROUP", kind="portfolio_margin", cash=-3700, holdings=[Holding("X", 100)])
CASE = portfolio([LONG, SHORT, GROUP], [Term("X", 50)])
UNPRICED = portfolio([SHORT], [Term("X", 50, state="unusable")])


@pytest.mark.parametrize(
    ("book", "moves"),
    [
        pytest.param(in_force("finra_4210", DAY), [], id="the version in force"),
        pytest.param(
            changed("finra_4210", "long_equity", "maintenance", to=0.30),
            [("LONG", 1250, 1500, 50, -200)],
            id="long maintenance 30%",
        ),
        pytest.param(
            changed("finra_4210", "short_equity", "floor_usd", to=20.0),
            [("SHORT", 1500, 2000, 2500, 2000)],
            id="short floor $20",
        ),
        pytest.param(
            changed("tims", "range", "equity", to={"down": 0.20, "up": 0.15}),
            [("GROUP", 750, 1000, 550, 300)],
            id="range of equity 20% down",
        ),
        pytest.param(changed("reg_t", "initial", "long_equity", to=0.75), [], id="initial margin"),
        pytest.param(changed("house", "ladder", "warning_below", to=0.10), [], id="the ladder"),
    ],
)
def test_rulebooks_move_accounts(book: Rulebook, moves: list[tuple[object, ...]]):
    found = moves_to(book, CASE).drop("account_type", "is_determinate", "change")

    assert found.drop("status_before", "status_after").rows() == moves


def test_the_cushion_of_an_unpriced_short_is_struck_again():
    # Carried at 75, then at 100: excess falls by 2,500 of value and 30% of it.
    row = moves_to(changed("house", "prices", "short_cushion", to=1.0), UNPRICED).row(0, named=True)

    assert row["change"] == 2500 + 750
    assert not row["is_determinate"]


AT_THE_MONEY = portfolio([LONG], [Term("X", 50)]).positions.with_columns(
    asset_class=pl.lit("option"),
    underlying=pl.lit("Y"),
    right=pl.lit("call"),
    strike=pl.lit(1000, pl.Decimal(38, 6)),
    expiry=pl.lit(date(2020, 9, 9)),
    expires_at=pl.lit(datetime(2020, 9, 9, 20, tzinfo=UTC)).cast(pl.Datetime("us", "UTC")),
    style=pl.lit("european"),
    rate_class=pl.lit("equity"),
    underlying_price=pl.lit(1000, pl.Decimal(38, 6)),
    underlying_price_state=pl.lit("fresh"),
    risk_free_rate=pl.lit(0.0),
)


def test_volatilities_are_implied_again_in_another_model():
    other = under(changed("tims", "model", "days_a_year", to=252))
    before, after = seen_under(AT_THE_MONEY, RULES, other)
    [old], [new] = before["implied_volatility"], after["implied_volatility"]

    # The price is of volatility x square root of time: without a rate, nothing else has days.
    assert new == pytest.approx(old * (252 / 365) ** 0.5, rel=1e-9)
    # At the money a price is 0.4 x spot x volatility x square root of time, nearly.
    assert old == pytest.approx(50 / (0.4 * 1000 * (184 / 365) ** 0.5), rel=0.01)


def test_volatilities_stay_in_the_same_model():
    other = under(changed("tims", "minimum", "per_unit_usd", to=0.5))

    assert all(seen is AT_THE_MONEY for seen in seen_under(AT_THE_MONEY, RULES, other))


def test_the_rules_of_a_day_are_one_object():
    assert rules_in_force(DAY) is rules_in_force(date(DAY.year, DAY.month, DAY.day))


def test_rules_of_the_books_in_force_are_those_in_force():
    rules = rules_of({family: in_force(family, DAY) for family in DECIDING})

    assert all(np.array_equal(a, b) for a, b in zip(rules, RULES, strict=True))


@pytest.mark.parametrize(
    ("book", "message"),
    [
        pytest.param(
            changed("finra_4210", "long_equity", "maintenance", to=25),
            "a rate of 25: rates are fractions",
            id="a percentage for a fraction",
        ),
        pytest.param(
            changed("finra_4210", "bond", "us_government", "rates", to=[0.01] * 5),
            "rates are not one more",
            id="a band without a rate",
        ),
        pytest.param(
            changed("finra_4210", "bond", "us_government", "below_years", to=[1, 5, 3, 10, 20]),
            "below_years do not rise",
            id="bands out of order",
        ),
        pytest.param(changed("tims", "points_a_side", to=0), "points_a_side is 0", id="no points"),
        pytest.param(
            changed("tims", "model", "days_a_year", to=0), "days_a_year is 0", id="no year"
        ),
    ],
)
def test_rules_that_contradict_themselves_are_refused(book: Rulebook, message: str):
    with pytest.raises(ValueError, match=message):
        under(book)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_version_has_a_name(family: str):
    for day in versions(family):
        assert named(f"{family}/{day}") == in_force(family, day)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_newest_version_is_a_draft_of_itself(tmp_path: Path, family: str):
    newest = in_force(family, versions(family)[-1])
    source = ROOT / "margin_assets/rulebooks" / family
    draft = tmp_path / "a=draft.toml"
    draft.write_bytes((source / f"{newest.effective}.toml").read_bytes())

    assert named(f"{family}={draft}") == newest


REG_T = """source = "A draft"
[initial]
long_equity = 0.60
short_equity = 0.50
short_equity_against_call = 0.00
non_margin = 1
[sma]
retention = 0.5
[margin_call]
no_action_usd = 1000
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("short_equity = 0.50\n", "", "initial.short_equity is missing", id="missing"),
        pytest.param('source = "A draft"', "", "source is missing", id="no source"),
        pytest.param("[initial]", "[initial]\nx = 1", "initial.x is unknown", id="unknown"),
        pytest.param("[initial]", "[intial]", "intial.long_equity is unknown", id="misspelt"),
        pytest.param("0.60", '"0.60"', "long_equity is '0.60' where .* has 0.5", id="text"),
        pytest.param("0.60", "true", "long_equity is True", id="a flag"),
        pytest.param("0.60", "-0.60", "long_equity is -0.6", id="another sign"),
        pytest.param("0.60", "nan", "long_equity is nan", id="not a number"),
        pytest.param("0.60", "inf", "long_equity is inf", id="infinite"),
        pytest.param("0.60", "1" + "0" * 400, "long_equity is 1000", id="beyond all bounds"),
        pytest.param("0.60", "[0.60]", "long_equity is \\[0.6\\]", id="a list"),
        pytest.param("0.60", "0.6.0", "draft.toml: ", id="no TOML"),
    ],
)
def test_a_draft_that_does_not_fit_is_refused_by_key(
    tmp_path: Path, old: str, new: str, message: str
):
    draft = tmp_path / "draft.toml"
    draft.write_text(REG_T.replace(old, new))

    with pytest.raises(ValueError, match=message):
        named(f"reg_t={draft}")


def test_a_draft_is_read(tmp_path: Path):
    draft = tmp_path / "draft.toml"
    draft.write_text(REG_T)
    book = named(f"reg_t={draft}")

    assert (book.family, book.effective) == ("reg_t", versions("reg_t")[-1])
    assert flat(book.numbers) == {
        ("source",): "A draft",
        ("initial", "long_equity"): 0.6,
        ("initial", "short_equity"): 0.5,
        ("initial", "short_equity_against_call"): 0,
        ("initial", "non_margin"): 1,
        ("sma", "retention"): 0.5,
        ("margin_call", "no_action_usd"): 1000,
    }


@pytest.mark.parametrize(
    ("old", "new", "is_a_draft"),
    [
        pytest.param("[-8, -6, -4", "[-9, -6, -4", True, id="a list with a negative"),
        pytest.param("[-8, -6, -4", "[-8, -6", True, id="a shorter list"),
        pytest.param("[-8, -6, -4, -2, 0, 2, 4, 6]", "[]", False, id="an empty list"),
        pytest.param("[-8, -6, -4", "[-8.5, -6, -4", False, id="a fraction where none is"),
        pytest.param("missing_beta = 2.0", "missing_beta = 2", True, id="a whole for a fraction"),
    ],
)
def test_values_of_a_draft(tmp_path: Path, old: str, new: str, is_a_draft: bool):
    newest = ROOT / f"margin_assets/rulebooks/house/{versions('house')[-1]}.toml"
    draft = tmp_path / "draft.toml"
    draft.write_text(newest.read_text().replace(old, new))

    if is_a_draft:
        assert named(f"house={draft}").family == "house"
    else:
        with pytest.raises(ValueError, match=r"stress\.moves_percent is .*: not a (whole )?number"):
            named(f"house={draft}")
