"""Landed bonds and swaps as instruments of a valuation document, of one unit of their currency."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from pydantic import ValidationError

from margin_assets.valuation.indices import known_index
from margin_assets.valuation.instrument_terms import (
    INSTRUMENTS,
    Bill,
    FixedBond,
    FloatingRateNote,
    Swap,
)

Row = Mapping[str, Any]
_KINDS = {"fixed": "fixed_bond", "bill": "bill", "floating": "floating_rate_note"}
_FREQUENCIES = {0: "once", 1: "annual", 2: "semiannual", 3: "4M", 4: "quarterly", 6: "2M"}
_FREQUENCIES |= {12: "monthly"}


class Terms(NamedTuple):
    """What is known of an instrument."""

    kind: str
    issuer: str | None
    currency: str
    maturity: date
    instrument: FixedBond | FloatingRateNote | Bill | Swap | None
    """None where the landed terms make none."""
    z_spread: float = 0.0
    clean_price: float | None = None
    """What it cost when this version took effect: its spread is the one that gives that."""
    bond_class: str | None = None
    """Its kind in the rules of margin; None where not said."""
    is_zero_coupon: bool = False

    @property
    def index_name(self) -> str | None:
        """The index that it pays, if any."""
        if isinstance(self.instrument, FloatingRateNote):
            return self.instrument.index
        if isinstance(self.instrument, Swap):
            return next((leg.index for leg in self.instrument.legs if leg.kind == "floating"), None)
        return None

    @property
    def index_is_known(self) -> bool:
        """Whether the index has conventions."""
        return self.index_name is None or known_index(self.index_name) is not None


def bond_of(row: Row) -> Terms:
    """Terms of a row of `bonds`."""
    said: dict[str, Any] = {"maturity": row["maturity"], "discount_curve": row["discount_curve"]}
    if row["kind"] != "bill":
        said |= {name: row[name] for name in ("day_count", "calendar", "convention", "issue_date")}
        said |= {"first_date": row["first_coupon_date"], "redemption": row["redemption"]}
        said |= {"outstanding": _shares(row["outstanding"]), "frequency": _often(row["frequency"])}
        said |= {"ex_coupon_days": row["ex_coupon_days"]}
    if row["kind"] == "fixed":
        said |= {"coupon": row["coupon"]}
    if row["kind"] == "floating":
        said |= {"index": row["index_name"], "spread": row["spread"]}
    made = _made(_KINDS[row["kind"]], row, said)
    return Terms(
        row["kind"],
        row["issuer"],
        row["currency"],
        row["maturity"],
        made,
        row["z_spread"] or 0.0,
        row["clean_price"],
        row["bond_class"],
        row["kind"] == "bill" or row["coupon"] == 0.0,
    )


def swap_of(row: Row) -> Terms:
    """Terms of a row of `swaps`."""
    shares, other = _shares(row["notionals"]), {"pay": "receive", "receive": "pay"}
    both = {"first_date": row["first_date"], "payment_lag": row["payment_lag"]}
    both |= {"notionals": shares}
    fixed = {
        "kind": "fixed",
        "side": row["side"],
        "rate": row["fixed_rate"],
        "day_count": row["fixed_day_count"],
        "frequency": _often(row["fixed_frequency"]) or "annual",
        "calendar": row["calendar"],
    }
    floating = {
        "kind": "floating",
        "side": other[row["side"]],
        "index": row["index_name"],
        "spread": row["spread"],
        "frequency": _often(row["floating_frequency"]),
    }
    said = {
        "start_date": row["start_date"],
        "end_date": row["end_date"],
        "csa_currency": row["csa_currency"],
        "discount_curve": row["discount_curve"],
        "legs": [_given(both | fixed), _given(both | floating)],
    }
    made = _made("swap", row, said)
    return Terms("swap", row["counterparty"], row["currency"], row["end_date"], made)


def _often(times_a_year: int | None) -> str | None:
    """The word for it; one that no schedule has is refused with the instrument."""
    return None if times_a_year is None else _FREQUENCIES.get(times_a_year, "never")


def _shares(text: str | None) -> list[float] | None:
    return None if text is None else [float(share) for share in text.split(" ")]


def _given(said: dict[str, Any]) -> dict[str, Any]:
    """What is said, as a document writes it."""
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in said.items()
        if value is not None
    }


def _made(kind: str, row: Row, said: dict[str, Any]) -> Any:  # noqa: ANN401 (one of the instruments)
    common = {"id": row["instrument_id"], "kind": kind, "notional": 1.0}
    common |= {"currency": row["currency"]}
    try:
        return INSTRUMENTS[kind].model_validate(common | _given(said))
    except ValidationError:
        return None
