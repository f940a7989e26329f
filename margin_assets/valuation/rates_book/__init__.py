"""A book of rates positions over landed rows: curves, values, sensitivities, scenarios.

No storage, no orchestration, no clock: rows in order of time go in, frames of tables come out. The
live session and the assets by business date run the same `RatesBook`. Terms are laid out and valued
by the parts of a valuation document; numbers of the house come from the rulebook `rates`.
"""

from margin_assets.valuation.rates_book.book import RATES_FEEDS, RatesBook
from margin_assets.valuation.rates_book.history import RATES_TABLES, rates_at

__all__ = ["RATES_FEEDS", "RATES_TABLES", "RatesBook", "rates_at"]
