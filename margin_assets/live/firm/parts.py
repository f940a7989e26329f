"""The parts of the firm in memory, made together and known to each other."""

from margin_assets.kernels.rules.timelines import Calendar
from margin_assets.live.books.actions import ActionMonitor
from margin_assets.live.books.calls import CallMonitor
from margin_assets.live.books.day_trades import DayTradeMonitor
from margin_assets.live.books.dividends import DividendMonitor
from margin_assets.live.books.free_rides import FreeRides
from margin_assets.live.books.intraday import IntradayMonitor
from margin_assets.live.books.outcomes import Outcomes
from margin_assets.live.books.plans import PlanMonitor, Tables
from margin_assets.live.books.reg_t import RegTMonitor
from margin_assets.live.books.restating import Restating
from margin_assets.live.books.settling import SettlementMonitor
from margin_assets.live.firm.valuation import Valuation
from margin_assets.live.firm.whole import WholeFirm
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market


class Parts:
    """State and books of the firm; what moves them, and in which order, is the monitor's."""

    def __init__(self, calendar: Calendar, restating: Restating, tables: Tables) -> None:
        """`tables` are those of the last sealed cycle: what is not in memory is looked up there."""
        days = calendar.days
        self.intraday = IntradayMonitor(days)
        self.reg_t = RegTMonitor(days, restating)
        self.market = Market(calendar.times)
        self.holdings = Holdings()
        self.valuation = Valuation(self.market, self.holdings)
        self.actions = ActionMonitor(calendar, self.holdings, self.market)
        self.dividends = DividendMonitor(self.holdings)
        self.day_trades = DayTradeMonitor(days, self.holdings, self.market)
        self.outcomes = Outcomes()
        self.whole = WholeFirm(self.market, self.holdings, self.outcomes)
        self.calls = CallMonitor(days, self.holdings, self.outcomes)
        self.free_rides = FreeRides(self.calls.book, restating, self.holdings)
        self.plans = PlanMonitor(self.calls, self.holdings, self.market, tables)
        self.settling = SettlementMonitor(self.holdings, self.market, calendar.times, tables)
        restating.settled_now = self.settling.told
        restating.accrued_now = self.dividends.made
