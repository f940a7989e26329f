"""Check digits of securities: whether the last digit follows from the others.

ISO 6166 (ISIN) and ANSI X9.6 (CUSIP), both by the doubled digits of Luhn's rule.
"""

import string

import polars as pl

_LETTERS = list(string.ascii_uppercase)
_LETTER_VALUES = [str(10 + place) for place in range(len(_LETTERS))]
_ISIN_DIGITS = 24
_CUSIP = "0123456789" + string.ascii_uppercase + "*@#"


def isin_digit_fits(isin: pl.Expr) -> pl.Expr:
    """Whether the last digit of an ISIN follows from the others; null of null."""
    digits = isin.str.replace_many(_LETTERS, _LETTER_VALUES).str.reverse()
    total = pl.lit(0)
    for place in range(_ISIN_DIGITS):
        digit = digits.str.slice(place, 1).cast(pl.Int64, strict=False).fill_null(0)
        total = total + (_doubled(digit) if place % 2 else digit)
    return pl.when(isin.is_null()).then(None).otherwise(total % 10 == 0)


def cusip_digit_fits(cusip: pl.Expr) -> pl.Expr:
    """Whether the last digit of a CUSIP follows from the others; null of null."""
    total = pl.lit(0)
    for place in range(8):
        character = cusip.str.slice(place, 1)
        value = character.replace_strict(
            list(_CUSIP), list(range(len(_CUSIP))), default=0, return_dtype=pl.Int64
        )
        counted = value * 2 if place % 2 else value
        total = total + counted // 10 + counted % 10
    last = cusip.str.slice(8, 1).cast(pl.Int64, strict=False)
    fits = ((10 - total % 10) % 10 == last).fill_null(value=False)
    return pl.when(cusip.is_null()).then(None).otherwise(fits)


def _doubled(digit: pl.Expr) -> pl.Expr:
    return digit * 2 // 10 + digit * 2 % 10
