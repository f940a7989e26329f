"""Funding by venue: what it sums to, and whose flows are whose."""

from pathlib import Path

import numpy as np
import pytest

from margin_assets.avalanche.answers.case import case_of, run_unlimited
from margin_assets.avalanche.answers.venue_funding import funded_venues, margin_by_venue
from tests.support.avalanche_books import book

LADDER = [
    "entity_id,ccy,venue_id,date,hour,kind,amount",
    "FUND,USD,CCP2,2026-11-24,9,fee,-20",
    "FUND,USD,,2026-11-24,9,fee,-7",
]


def test_venues_sum_to_what_accounts_pay_and_keep_their_own_flows(tmp_path: Path):
    dated = ["key,value", "generator,gaussian", "as_of,2026-11-23"]
    held = book(tmp_path, cash_ladder=LADDER, settings=dated)
    case = case_of(held, "severe", 40, 3)

    paid = run_unlimited(case).need_by_account.sum(axis=2, dtype=np.float64)
    by_venue = margin_by_venue(case)

    assert by_venue.shape == (40, 10, len(case.holdings.names.venues))
    assert len(case.holdings.names.venues) > 1
    assert np.abs(by_venue).max(axis=(0, 1)).min() > 0.0
    np.testing.assert_allclose(by_venue.sum(axis=2), paid, rtol=1e-6, atol=100.0)

    told = funded_venues(held, case)
    flows = {row["venue"]: [day["contractual"] for day in row["days"]] for row in told["venues"]}
    assert told["paths"] == 40
    assert flows.pop("CCP2")[:2] == pytest.approx([0.0, 20.0])
    assert not any(map(any, flows.values()))
