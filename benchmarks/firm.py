"""The firm as a whole at the end of a cycle: what its tables cost, beside the pass over accounts.

A hundred thousand accounts with ten positions each, and limits of every scope. Once with an issuer
of every name, and once with issuers of four names, whose positions are netted account by account.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from benchmarks.output import median_seconds, show
from benchmarks.revaluation import DAY, SYMBOLS, make_book
from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures, empty_figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.firm_risk.concentrations import Terms, concentrations_of
from margin_assets.kernels.firm_risk.limits import Firm, Limit, above, struck
from margin_assets.kernels.firm_risk.price_moves import price_scenarios, spy_scenarios
from margin_assets.kernels.firm_risk.scenarios import credit_exposures_of, firm_risk_of, firm_sums
from margin_assets.kernels.firm_risk.view import FirmView, firm_view
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.options.valuation import no_options
from margin_assets.kernels.rules.firm_rules import firm_rules
from margin_assets.kernels.rules.rules import rules_in_force

ACCOUNTS = 100_000
LIMITS = (
    ("beta_weighted_exposure", "firm", 10**7),
    ("credit_exposure", "account", 10**9),
    ("worst_scenario_loss", "symbol", 10**12),
    ("gross_share", "issuer", 1),
)


def _tables(book: Book, series: Series, figures: Figures) -> Callable[[], None]:
    rules, firm = rules_in_force(DAY), firm_rules(DAY)
    assert firm is not None
    names = [f"S{n:05d}" for n in range(SYMBOLS)]
    volume = np.full(SYMBOLS, 10**12, dtype=np.int64)
    terms = Terms(names, names, series.multiplier, volume)
    limits = [Limit(m, m, scope, None, Decimal(most), "bench") for m, scope, most in LIMITS]
    accounts = [f"A{n:06d}" for n in range(ACCOUNTS)]

    def tables() -> None:
        spy = spy_scenarios(series, no_options(), rules)
        prices = price_scenarios(series, rules, firm)
        view: FirmView = firm_view(figures, book, (spy, prices), (firm, terms))
        firm_risk_of(view.sums, 0)
        credit_exposures_of(view.sums, 0)
        concentrations_of(view.subjects, view.sums.worst.name, view.sums.gross, firm)
        struck({}, limits, partial(above, firm=Firm(view, figures, accounts, firm)), 0)

    return tables


def main() -> dict[str, Any]:
    """Milliseconds of a cycle at its median."""
    rules = rules_in_force(DAY)
    book, grouped = make_book(ACCOUNTS)
    alone = grouped._replace(class_group=np.arange(SYMBOLS, dtype=np.int32))
    figures, everyone = empty_figures(ACCOUNTS, rules), np.arange(ACCOUNTS, dtype=np.int64)
    runs: dict[str, Callable[[], object]] = {
        "pass_over_accounts": lambda: revalue(book, alone, rules, None, (everyone, figures)),
        "eight_scenarios_alone": lambda: firm_risk_of(
            firm_sums(figures, book.account_type, rules), 0
        ),
        "issuers_of_one_name": _tables(book, alone, figures),
        "issuers_of_four_names": _tables(book, grouped, figures),
    }
    found = {name: round(median_seconds(run, 15) * 1e3, 2) for name, run in runs.items()}
    return {"accounts": ACCOUNTS, "positions": len(book.series), "milliseconds": found}


if __name__ == "__main__":
    show({"firm": main()})
