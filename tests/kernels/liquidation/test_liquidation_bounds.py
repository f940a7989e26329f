import json
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from margin_assets.kernels.liquidation.costs import order_costs
from margin_assets.kernels.liquidation.policy import liquidation_policy
from margin_assets.kernels.liquidation.problem import problem_of
from margin_assets.kernels.liquidation.search import Search
from margin_assets.kernels.liquidation.tradable import tradable_of
from margin_assets.kernels.liquidation.trials import Trials
from margin_assets.whatif import parse_document
from margin_assets.whatif.frames import case_of
from margin_assets.whatif.liquidation import volumes_of
from tests.support.liquidation_books import Json, book, cheapest, option, short_of, stock

DEEP = {"adv": 1e12, "volatility_annual": 0.01}


def bound(document: Json) -> float:
    """The bound of the whole box, no cure known, with ceilings about the price of selling all."""
    parsed = parse_document(json.dumps(document))
    era, policy = case_of(parsed).margined, liquidation_policy(date(2020, 3, 9))
    volumes = volumes_of({symbol: known.adv for symbol, known in parsed.instruments.items()})
    free, _ = tradable_of(era, volumes, policy, ())
    problem = problem_of(era, Trials(era, free), order_costs(era, free, policy), 0)
    priced = problem.with_ceilings(era, np.maximum(free.most // 2, 1))
    return Search(priced, None).run(1).bound


@pytest.mark.parametrize(
    ("document", "least_part"),
    [
        pytest.param(
            book([stock("P", 9), stock("Q", -4)], {"P": {"price": 90}, "Q": {"price": 130}}),
            0.9,
            id="stock",
        ),
        pytest.param(
            book(
                [option("C105", -3, 1.2), option("C110", 3, 0.5), option("P90", -2, 0.8)],
                {"X": {"price": 100} | DEEP},
            ),
            0.6,
            id="a spread and naked puts",
        ),
        pytest.param(
            book([option("C105", -3, 1.2), option("C110", 3, 0.5)], {"X": {"price": 100} | DEEP}),
            0.6,
            id="a spread",
        ),
    ],
)
def test_the_bound_is_near_the_least_and_never_above_it(document: Json, least_part: float) -> None:
    deficient = short_of(document, 0.5)
    least = cheapest(deficient, Decimal(0))

    # A cent an order: the impact that the second route leaves out.
    assert least * least_part <= bound(deficient) <= least + len(document["positions"])
