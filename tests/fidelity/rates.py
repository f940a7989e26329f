"""Published swaps, bonds and auctions as valuation documents."""

import csv
import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from margin_assets.valuation import value
from tests.fidelity.rates_swaps import SWAPS, swaps

Json = dict[str, Any]

DUAL_CURVE = "rates/dual_curve_swaps_20140122.json"
CACHED_BONDS = "rates/bond_cached_values.json"
NOTES = "rates/ust_auction_notes_bonds_price_from_yield.csv"
BILLS = "rates/ust_auction_bills_price_from_investment_rate.csv"
FLAT_SWAP = "rates/flat_curve_swap/expected_npv.csv"
_OIS = "1W 2W 1M 2M 3M 4M 5M 6M 7M 8M 9M 10M 11M 1Y 1Y3M 1Y6M 1Y9M"
_OIS_YEARS = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30)
_SWAP_YEARS = (2, 3, 4, 5, 7, 10, 12, 15, 20, 25, 30, 40, 50)


class Published(NamedTuple):
    """A published case: its figures, how to find ours, and to what they are published."""

    file: str
    area: str
    case: str
    expected: Json
    observe: Callable[[], Json]
    tolerance: float


def cases(folder: Path) -> Iterator[Published]:
    yield from _dual_curve(folder)
    yield from _bonds(json.loads((folder / CACHED_BONDS).read_text("utf-8")))
    yield from _notes(folder)
    yield from _bills(folder)
    yield _flat_swap(folder)


def _by_id(asked: Json) -> Json:
    return {row["id"]: row for row in value(asked)["instruments"]}


def _row(rows: Callable[[], Json], name: str) -> Json:
    found: Json = rows()[name]
    return found


def _dual_curve(folder: Path) -> Iterator[Published]:
    source = json.loads((folder / DUAL_CURVE).read_text("utf-8"))
    rows = cache(lambda: _by_id(dual_curve_document(source)))
    for trade in source["trades"]:
        expected = {"npv": trade["pv"]}
        name = trade["id"]
        observe = partial(_row, rows, name)
        yield Published(DUAL_CURVE, "rates_swaps", name, expected, observe, 1e-4)
        if "par_rate" in trade:
            expected = {"par_rate": trade["par_rate"]}
            yield Published(DUAL_CURVE, "rates_swaps", f"{name}, rate", expected, observe, 1e-10)
    for name, (*_, published) in SWAPS.items():
        observe = partial(_row, rows, name)
        yield Published(DUAL_CURVE, "rates_swaps", name, {"npv": published}, observe, 1e-4)


def dual_curve_document(source: Json) -> Json:
    """The market and the trades of the source, as a document."""
    shape = {"day_count": "act/act isda", "extrapolation": "flat_zero"}
    return {
        "valuation_date": source["valuation_date"],
        "calendars": {
            "usny": {
                "yearly": source["calendar"]["fixed_every_year_2013_2063"],
                "first_year": 2013,
                "last_year": 2063,
                "holidays": source["calendar"]["extra_holidays"],
            }
        },
        "curves": {name: {**curve, **shape} for name, curve in source["curves"].items()},
        "discounting": {"USD": "USD_DSC"},
        "indices": {
            f"USD-LIBOR-{tenor}": {"curve": f"USD_L{tenor}", "calendar": "usny"}
            for tenor in ("1M", "3M", "6M")
        }
        | {"USD-FED-FUNDS": {"curve": "USD_DSC", "calendar": "usny"}},
        "fixings": {
            "USD-LIBOR-3M": source["fixings"]["USD_LIBOR_3M"],
            "USD-FED-FUNDS": source["fixings"]["USD_FED_FUND"],
        },
        "instruments": [
            *(_trade(source, trade) for trade in source["trades"]),
            *swaps(source["notional"]),
        ],
    }


def _trade(source: Json, trade: Json) -> Json:
    legs = []
    for side in ("pay", "receive"):
        leg = trade[side]
        made = {"side": side, "frequency": leg["freq"], "calendar": "usny"}
        if leg["type"] == "fixed":
            made |= {"kind": "fixed", "rate": leg["rate"], "day_count": "30u/360"}
        else:
            made |= {"kind": "floating", "index": f"USD-LIBOR-{leg['index']}"}
            made |= {"spread": leg.get("spread", 0.0)}
        legs.append(made)
    return {
        "id": trade["id"],
        "kind": "swap",
        "notional": source["notional"],
        "start_date": trade["start"],
        "end_date": trade["end"],
        "legs": legs,
    }


def _bonds(source: Json) -> Iterator[Published]:
    for case in source["price_yield_cases"]:
        at = case["clean_price_at_yield"]
        bond = _bond(case) | {"coupon": case["coupon"]}
        asked = bond | {"yield": at["yield_compounded_semiannual"]}
        yield _one(case, "price", {"clean_price": at["clean"]}, asked)
        if back := case.get("yield_at_clean"):
            asked = bond | {"clean_price": back["clean"]}
            yield _one(case, "yield", {"yield": back["compounded"]}, asked)
            asked |= {"yield_compounding": "continuous"}
            yield _one(case, "continuous yield", {"yield": back["continuous"]}, asked)
        if flat := case.get("flat_curve"):
            asked = bond | {"discount_curve": "F", "yield_compounding": "continuous"}
            expected = {
                "clean_price": flat["clean"],
                "yield": flat["continuous_yield_at_that_price"],
            }
            yield _one(case, "flat curve", expected, asked, flat["rate_continuous"])
    for case in source["flat_curve_cases"]:
        asked = _bond(case) | {"coupons": case["coupons"], "discount_curve": "F"}
        # The source's calendar and payment convention; a payment on a Sunday tells them apart.
        asked |= {"calendar": "us government bond", "payment_convention": "modified_following"}
        if "next_to_last" in case:
            asked["next_to_last_date"] = case["next_to_last"]
        yield _one(case, "", {"clean_price": case["clean"]}, asked, case["flat_rate_continuous"])
    yield from _basis_points(source["dv01_cases"][0])


def _basis_points(case: Json) -> Iterator[Published]:
    bond = _bond(case) | {"coupon": case["coupon"], "rule": "forward"}
    asked = bond | {"clean_price": case["clean"]}
    yield _one(case, "yield", {"yield": case["yield_compounded_semiannual"]}, asked)
    yield _one(case, "", _of_a_basis_point(case), asked)

    def at_its_yield() -> Json:
        rate = _answered(case, asked, None)["yield"]
        later = bond | {"yield": rate, "settlement_date": "2024-02-12"}
        return _answered(case, later, None)

    later = _of_a_basis_point(case["at_settlement_2024-02-12"])
    name = f"{case['id']}, later settlement"
    yield Published(CACHED_BONDS, "rates_bonds", name, later, at_its_yield, 1e-6)


def _of_a_basis_point(case: Json) -> Json:
    return {
        "basis_point_value": case["basis_point_value"],
        "yield_value_of_a_basis_point": case["yield_value_of_a_basis_point_times_face"],
    }


def _bond(case: Json) -> Json:
    made = {
        "id": case["id"],
        "kind": "fixed_bond",
        "notional": case.get("face", 100),
        "start_date": case["start"],
        "maturity": case["maturity"],
        "frequency": case["frequency"],
        "day_count": case["day_count"],
        "settlement_days": case.get("settlement_days", 1),
        "end_of_month": case.get("eom", False),
        "calendar": case.get("calendar", "none"),
    }
    same = {"issue": "issue_date", "settlement_date": "settlement_date"}
    return made | {ours: case[theirs] for theirs, ours in same.items() if theirs in case}


def _one(
    case: Json, what: str, expected: Json, asked: Json, flat: float | None = None
) -> Published:
    name = f"{case['id']}, {what}" if what else case["id"]
    found = lambda: _answered(case, asked, flat)  # noqa: E731 (asked when it is observed)
    return Published(CACHED_BONDS, "rates_bonds", name, expected, found, 1e-6)


def _answered(case: Json, asked: Json, flat: float | None) -> Json:
    curves = {} if flat is None else {"F": {"flat_rate": flat, "day_count": "act/360"}}
    document = {
        "valuation_date": case["evaluation_date"],
        "curves": curves,
        "instruments": [asked],
    }
    return value(document)["instruments"][0]


def _read(folder: Path, name: str) -> list[Json]:
    with (folder / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _notes(folder: Path) -> Iterator[Published]:
    """Whole periods: dates of any year will do, since only their number counts."""
    rows = _read(folder, NOTES)
    bonds = [
        {
            "id": f"{i}",
            "kind": "fixed_bond",
            "notional": 100,
            "issue_date": "2022-02-15",
            "settlement_date": "2022-02-15",
            "maturity": f"{2022 + int(row['n_semiannual_coupons']) // 2}-02-15",
            "frequency": 2,
            "coupon": float(row["coupon_pct"]) / 100,
            "yield": float(row["high_yield_pct"]) / 100,
            "yield_compounding": "us_treasury",
        }
        for i, row in enumerate(rows)
    ]
    found = cache(lambda: _by_id({"valuation_date": "2022-02-01", "instruments": bonds}))
    for i, row in enumerate(rows):
        expected = {"clean_price": float(row["price_per_100"])}
        name = f"{row['auction_date']} {row['security_term']} {row['coupon_pct']}"
        observe = partial(_row, found, f"{i}")
        yield Published(NOTES, "rates_note_auctions", name, expected, observe, 5e-6)


def _bills(folder: Path) -> Iterator[Published]:
    """A price within what the rate's last digit leaves open, and the rate to its last digit."""
    rows = _read(folder, BILLS)
    first = date(2022, 3, 3)
    bills = [
        {
            "id": f"{i} {key}",
            "kind": "bill",
            "notional": 100,
            "settlement_date": first.isoformat(),
            "maturity": (first + timedelta(int(row["days_to_maturity"]))).isoformat(),
            key: held,
        }
        for i, row in enumerate(rows)
        for key, held in (
            ("investment_rate", float(row["investment_rate_pct"]) / 100),
            ("clean_price", float(row["price_per_100"])),
        )
    ]
    found = cache(lambda: value({"valuation_date": "2022-03-02", "instruments": bills}))

    def observed(n: int) -> Json:
        at_rate, at_price = found()["instruments"][2 * n : 2 * n + 2]
        return {
            "price": at_rate["clean_price"],
            "investment_rate_pct": round(100 * at_price["investment_rate"], 3),
        }

    for i, row in enumerate(rows):
        expected = {
            "price": float(row["price_per_100"]),
            "investment_rate_pct": float(row["investment_rate_pct"]),
        }
        name = f"{row['auction_date']} {row['security_term']} {row['price_per_100']}"
        open_digits = 0.0005 * int(row["days_to_maturity"]) / 365
        yield Published(
            BILLS, "rates_bill_auctions", name, expected, partial(observed, i), open_digits
        )


def _flat_swap(folder: Path) -> Published:
    header, row = csv.reader((folder / FLAT_SWAP).read_text("utf-8").splitlines())
    expected = {"npv": float(dict(zip(header, row, strict=True))["NPV"])}
    observe = lambda: value(flat_swap_document())["instruments"][0]  # noqa: E731
    return Published(FLAT_SWAP, "rates_swaps", "Swap_20y", expected, observe, 1e-4)


def flat_swap_document() -> Json:
    """OpenSourceRisk/Engine Examples/Academy: every quote 2%, par coupons."""
    overnight = [*_OIS.split(), *(f"{n}Y" for n in _OIS_YEARS)]
    shape = {"interpolation": "log_linear_discount"}
    first = {"kind": "deposit", "rate": 0.02}
    return {
        "valuation_date": "2016-02-05",
        "currency": "EUR",
        "discounting": {"EUR": "EUR1D"},
        "indices": {"EUR-EURIBOR-6M": {"curve": "EUR6M"}},
        "curves": {
            "EUR1D": shape
            | {
                "index": "EUR-EONIA",
                "quotes": [
                    first | {"tenor": "1D", "settlement_days": 0},
                    *({"kind": "ois", "tenor": tenor, "rate": 0.02} for tenor in overnight),
                ],
            },
            "EUR6M": shape
            | {
                "index": "EUR-EURIBOR-6M",
                "discount_curve": "EUR1D",
                "conventions": {
                    "swap": {
                        "day_count": "30/360",
                        "frequency": "annual",
                        "forward_over": "accrual_period",
                    }
                },
                "quotes": [
                    first | {"tenor": "6M"},
                    *({"kind": "swap", "tenor": f"{n}Y", "rate": 0.02} for n in _SWAP_YEARS),
                ],
            },
        },
        "instruments": [
            {
                "id": "Swap_20y",
                "kind": "swap",
                "notional": 1e7,
                "start_date": "2016-03-01",
                "end_date": "2036-03-01",
                "legs": [
                    {
                        "kind": "fixed",
                        "side": "receive",
                        "rate": 0.04,
                        "frequency": "annual",
                        "day_count": "30/360",
                        "calendar": "target",
                        "convention": "following",
                        "rule": "forward",
                    },
                    {
                        "kind": "floating",
                        "side": "pay",
                        "index": "EUR-EURIBOR-6M",
                        "rule": "forward",
                        "forward_over": "accrual_period",
                    },
                ],
            }
        ],
    }
