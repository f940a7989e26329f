"""The whole firm at one instant: every scenario, and names and issuers at the worst of them."""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.firm_risk.concentrations import Subjects, Terms, subjects_of
from margin_assets.kernels.firm_risk.exact_parts import Summed
from margin_assets.kernels.firm_risk.kept import Kept, Part
from margin_assets.kernels.firm_risk.names import Walked, kinds_of_names, walked
from margin_assets.kernels.firm_risk.price_moves import Scenarios
from margin_assets.kernels.firm_risk.scenarios import FirmSums, firm_sums
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array, Int64Table
from margin_assets.kernels.numeric.compiled import BORROWS
from margin_assets.kernels.numeric.money import model_line
from margin_assets.kernels.rules.firm_rules import FirmRules, price_move_names
from margin_assets.kernels.rules.rules import scenario_names


class FirmView(NamedTuple):
    """What all accounts come to together."""

    sums: FirmSums
    moved: Int64Table
    """P&L of each account in the scenarios of prices, cents."""
    subjects: dict[str, Subjects]
    """Names and issuers, with what is lost in them in the worst scenario."""


def firm_view(
    figures: Figures,
    book: Book,
    struck: tuple[Scenarios, Scenarios],
    about: tuple[FirmRules, Terms],
    kept: Kept | None = None,
) -> FirmView:
    """The firm of figures and their book; `struck` are the scenarios of SPY and of prices.

    `kept` is what is known of the firm as it was; only who is another since is summed again.
    """
    (spy, prices), (firm, terms), kept = struck, about, kept or Kept()
    kinds = kinds_of_names(spy.series, book, kept)
    part = kept.part("prices", (prices, kinds))
    walk = walked(book, prices, kinds, figures.states, part)
    moved = price_pnl(walk, figures, firm, kept.part("moved", part))
    sums = firm_sums(figures, book.account_type, spy.rules, (firm, moved), kept)
    worst, names = sums.worst.name, price_move_names(firm)
    if worst in names:
        return FirmView(sums, moved, subjects_of(walk, kinds, prices, terms, names.index(worst)))
    alone = _alone(spy, scenario_names(spy.rules).index(worst))
    walk = walked(book, alone, kinds, figures.states, kept.part("alone", (alone, kinds)))
    return FirmView(sums, moved, subjects_of(walk, kinds, alone, terms, 0))


def price_moves_of(figures: Figures, book: Book, prices: Scenarios, firm: FirmRules) -> Int64Table:
    """P&L of each account in the scenarios of prices, cents."""
    kinds = kinds_of_names(prices.series, book)
    return price_pnl(walked(book, prices, kinds, figures.states), figures, firm, Part(()))


def price_pnl(walk: Walked, figures: Figures, firm: FirmRules, part: Part) -> Int64Table:
    """P&L of each account in the scenarios of prices, cents.

    Options, leveraged funds and what has no usable price move by themselves, each line rounded;
    all else moves together, rounded once.
    """
    pnl, moves = part.column("pnl", *walk.pnl.shape), np.array(firm.price_moves)

    def struck(some: Int64Array) -> Summed:
        plain = figures.long_value[some] - figures.short_value[some] - walk.own_value[some]
        pnl[some] = walk.pnl[some]
        _add_plain(plain, moves, some, pnl)
        return (), 0.0

    part.sums(len(pnl), struck)
    return pnl


@njit(**BORROWS)
def _add_plain(plain: Int64Array, moves: FloatArray, some: Int64Array, pnl: Int64Table) -> None:
    for n, a in enumerate(some):
        for j in range(len(moves)):
            pnl[a, j] += model_line(plain[n], moves[j])


def _alone(spy: Scenarios, scenario: int) -> Scenarios:
    """One of the scenarios."""
    rules, one = spy.rules, slice(scenario, scenario + 1)
    values = spy.values._replace(stress=np.ascontiguousarray(spy.values.stress[:, one]))
    kept = rules._replace(stress_moves=rules.stress_moves[one], restricting=rules.restricting[one])
    return Scenarios(spy.series, values, kept)
