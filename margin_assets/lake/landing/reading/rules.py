"""Row rules of a feed, taken from its declared schema; only the clock's rules are added here."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

import dataframely as dy
import polars as pl

from margin_assets.lake.landing.reading.limits import CLOCK_GRACE
from schemas import TABLES, feed_columns
from schemas.landed import OPTION_TERMS

_WORD_OF_COLUMN_RULE = {
    "nullability": "missing",
    "min_length": "empty",
    "max_length": "too_long",
    "regex": "not_printable",
    "min": "out_of_range",
    "max": "out_of_range",
    "min_exclusive": "out_of_range",
    "max_exclusive": "out_of_range",
    "inf": "out_of_range",
    "nan": "not_a_number",
}
_REASON_OF_ROW_RULE = {
    "zero_quantity_corrects_something": ("quantity", "zero_corrects_nothing"),
    "amount_has_the_sign_of_its_kind": ("amount", "sign_against_kind"),
    "fund_names_its_leverage": ("leverage", "missing"),
    "leverage_is_not_zero": ("leverage", "zero"),
    "option_names_its_terms": ("option_terms", "missing"),
    "option_is_not_its_own_underlying": ("underlying", "is_itself"),
    "bond_names_its_maturity": ("maturity", "missing"),
    "deliverable_is_written_as_told": ("deliverable", "malformed"),
    "row_is_of_a_symbol_or_of_cash": ("symbol", "or_cash"),
    "metric_fits_its_scope": ("metric", "not_of_scope"),
    "firm_has_no_subject": ("subject", "of_the_firm"),
    "quote_is_a_rate_or_a_price": ("quote", "out_of_range"),
    "quote_names_its_term": ("tenor", "missing"),
    "fixing_is_not_of_a_day_to_come": ("fixing_date", "to_come"),
    "matures_after_its_issue": ("maturity", "before_issue"),
    "first_coupon_is_within_its_life": ("first_coupon_date", "outside_its_life"),
    "isin_has_its_check_digit": ("isin", "check_digit"),
    "cusip_has_its_check_digit": ("cusip", "check_digit"),
    "bond_names_its_coupon": ("coupon", "missing"),
    "price_is_the_only_quote": ("clean_price", "against_kind_or_spread"),
    "ends_after_it_starts": ("end_date", "before_start"),
    "position_is_whole": ("position", "incomplete"),
    "ratio_is_told": ("ratio", "missing"),
    "what_is_given_is_told": ("to_symbol", "against_kind"),
    "cash_is_told": ("cash_amount", "missing"),
    "fractions_have_a_price": ("fraction_price", "missing"),
    "fractions_are_decided": ("fractions", "missing"),
    "withdrawal_names_its_action": ("corrects_action_id", "missing"),
}
_UNIQUENESS = "primary_key"
_FIRST_INSTANT = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = ("as_of_date", "effective_on", "as_of")
_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True)
class Rule:
    """One rule: true or null for a row that keeps it; else `<column>_<word>` is the reason."""

    column: str
    word: str
    keeps: pl.Expr


@cache
def required_columns(feed: str) -> frozenset[str]:
    """Columns that a file of the feed must have: those that the schema never leaves null."""
    return frozenset(name for name, column in feed_columns(feed).items() if not column.nullable)


@cache
def row_rules(feed: str) -> tuple[Rule, ...]:
    """Every rule that a row has to keep, with `landed_at` of its file beside it."""
    return _schema_rules(feed) + tuple(_time_rules(feed))


def _schema_rules(feed: str) -> tuple[Rule, ...]:
    of_columns = [
        rule for name, column in feed_columns(feed).items() for rule in _column_rules(name, column)
    ]
    # Dataframely has no public way to one rule's expression. Uniqueness is judged later,
    # against history.
    of_rows = TABLES[feed].schema._schema_validation_rules()
    if feed == "instruments":
        # Beside the row's own reason: which of the terms it is.
        is_other = pl.col("asset_class") != "option"
        of_columns += [
            Rule(term, "missing", is_other | pl.col(term).is_not_null()) for term in OPTION_TERMS
        ]
    return tuple(of_columns) + tuple(
        Rule(*_REASON_OF_ROW_RULE[name], rule.expr)
        for name, rule in of_rows.items()
        if name != _UNIQUENESS
    )


def _column_rules(name: str, column: dy.Column) -> list[Rule]:
    is_code = "values" in (column.metadata or {})
    rules = []
    for kind, keeps in column.validation_rules(pl.col(name)).items():
        word = _WORD_OF_COLUMN_RULE[kind]
        if kind == "regex":
            word = "unknown" if is_code else word
            # An empty id is named as that, not as unprintable too.
            keeps = keeps if is_code else keeps | (pl.col(name) == "")
        rules.append(Rule(name, word, keeps))
    return rules


def _time_rules(feed: str) -> list[Rule]:
    rules = []
    latest = pl.col("landed_at") + CLOCK_GRACE
    for name, column in feed_columns(feed).items():
        if isinstance(column, dy.Datetime):
            rules.append(Rule(name, "before_1970", pl.col(name) >= _FIRST_INSTANT))
            rules.append(Rule(name, "in_future", pl.col(name) <= latest))
    days = [name for name in _DAYS if name in feed_columns(feed)]
    rules += [Rule(name, "before_1970", pl.col(name) >= _FIRST_DAY) for name in days]
    return rules
