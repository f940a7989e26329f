"""Cuts against their models in full, on the worst paths of a run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from margin_assets.avalanche.auditing import audit
from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.faults import BookError
from margin_assets.avalanche.running import Asked
from tests.support.avalanche_folders import BASE, book

NAMES = ("ONE", "TWO", "THREE")


def historical(folder: Path, factors: int, cuts: int) -> Built:
    """One set long the factors by 1, -2, 3 hundred millions, margined by two years of history."""
    random = np.random.default_rng(1)
    names = NAMES[:factors]
    days = np.arange(np.datetime64("2024-01-01"), np.datetime64("2025-12-31"))
    history: list[dict[str, Any]] = [
        {"factor_id": name, "date": str(day), "return": float(random.normal(0.0, 0.01))}
        for name in names
        for day in days
    ]
    return book(
        folder,
        {"generator": "gaussian", "cuts": cuts},
        im_model=[
            {"im_model_id": "FHS", "family": "FHS_ES", "alpha": 0.97, "mpor_days": 1,
             "lookback_days": 500, "lambda": 0.94}
        ],
        netting_set={"im_model_id": "FHS"},
        risk_factor=[{"factor_id": n, "class": c, "sigma0": 0.01}
                     for n, c in zip(names, ("EQ", "IR", "CM"), strict=False)],
        exposure=[
            {**BASE["exposure"][0], "factor_id": name, "delta": size}
            for name, size in zip(names, (1e8, -2e8, 3e8), strict=False)
        ],
        factor_history=history,
    )  # fmt: skip


def test_a_model_of_one_factor_is_one_form_and_the_audit_finds_nothing(tmp_path: Path):
    found = audit(historical(tmp_path, 1, cuts=16), Asked("none", "A", seed=2, paths=64))

    assert found.audited == 16
    assert found.states == 160
    assert [one.ns_id for one in found.sets] == ["NS1"]
    assert found.sets[0].worst_error == pytest.approx(0.0, abs=1e-9)
    assert found.missing == pytest.approx(0.0, abs=1e-3)


def test_forms_for_three_factors_say_a_little_too_little_and_the_audit_says_how_much(
    tmp_path: Path,
):
    made = historical(tmp_path, 3, cuts=16)

    found = audit(made, Asked("none", "A", seed=2, paths=64))

    one = found.sets[0]
    assert one.worst_error < one.mean_error < 0
    assert 0 < found.missing <= -one.worst_error * made.report[0].margin * (1 + 1e-9)
    assert found.missing == one.missing
    assert found.peak_need > 0


def test_a_book_without_historical_models_has_nothing_to_audit(tmp_path: Path):
    with pytest.raises(BookError, match="nothing to audit"):
        audit(book(tmp_path), Asked("none", "A", seed=1, paths=16))
