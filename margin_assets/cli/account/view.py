"""The story of an account, for a person."""

from collections.abc import Sequence
from typing import Any

from margin_assets.cli import output
from margin_assets.cli.account.books import told

Document = dict[str, Any]
_LATEST = 60
"""Of what happened, lines for a person; the document has all."""
_FIGURES = (
    "cash",
    "long_market_value",
    "short_market_value",
    "long_option_value",
    "short_option_value",
    "net_liquidation",
    "equity",
    "reg_t_requirement",
    "portfolio_margin_requirement",
    "regulatory_requirement",
    "house_addons",
    "house_requirement",
    "governing_requirement",
    "excess",
)
_ACT = ("kind", "actor", "reason", "outcome", "refusal", "path", "file_row")


def show(story: Document) -> None:
    """Standing first, then what it rests on, from the requirement down to the landed lines."""
    output.say(story["sentence"])
    _standing(story)
    _cash_account(story["cash_account"])
    figures = story["figures"]
    output.table(("figure", "USD"), ((name.replace("_", " "), figures[name]) for name in _FIGURES))
    _requirement(story)
    _memorandum(story["memorandum"])
    _stress(story["stress"])
    _listing("house add-ons", story["house"], ("overlay", "subject", "base", "rate", "addon"))
    _marks(story["marks"])
    _options(story["marks"])
    _adjusted(story["marks"])
    _rates(story["rates"])
    _day_trading(story["day_trading"])
    held = ("movement_id", "deposited_on", "amount", "held_until", "withdrawn")
    _listing("deposits on hold, FINRA 4210(f)(8)(B)(iv)", story["held_deposits"], held)
    _landed(story)
    _books(story["books"])
    _calls(story["calls"])
    _plans(story["plans"])
    _notices(story["notices"])
    _decisions(story["decisions"])
    _timeline(story["timeline"])
    _foot(story)


def _standing(story: Document) -> None:
    ladder, account = story["ladder"], story["account"]
    reasons = f" ({', '.join(story['reasons'])})" if story["reasons"] else ""
    registered = "" if account["is_registered"] else ", unregistered"
    output.say(
        f"{story['account_id']}: {account['account_type']}{registered}, as of "
        f"{output.instant(story['as_of'])}, {story['status']}{reasons}"
    )
    rows = []
    for name, held in ladder.items():
        if isinstance(held, dict):
            why = ", ".join(held.get("reasons", ())) or held["reason"]
            since = output.instant(held["since"]) if held["since"] else "the start"
            rows.append((name, held["state"], since, why))
    output.table(("dimension", "state", "since", "reason"), rows)
    if ladder["call_opened_at"]:
        output.say(f"call open since {output.instant(ladder['call_opened_at'])}")


def _cash_account(found: Document | None) -> None:
    """What a cash account that sold before it had paid may buy with, and until when."""
    if found is not None and found["free_riding"]:
        output.say(
            f"frozen until {found['frozen_until']}, 12 CFR 220.8(c): "
            f"it buys with settled cash alone, {output.shown(found['settled_funds'])}"
        )


def _rows(documents: list[Document], names: Sequence[str]) -> list[list[object]]:
    return [[row[name] for name in names] for row in documents]


def _requirement(story: Document) -> None:
    _listing(
        "Reg T and FINRA 4210(c), by position",
        story["reg_t"],
        ("symbol", "strategy", "rule", "market_value", "maintenance_requirement"),
    )
    _listing(
        "portfolio margin, by class group",
        story["portfolio_margin"],
        ("class_group", "product_group", "worst_move", "scan_risk", "not_margined", "requirement"),
    )


def _memorandum(found: Document | None) -> None:
    if found is None:
        return
    restricted = ", restricted" if found["is_restricted"] else ""
    output.say(
        "Regulation T: SMA {}, excess {}, buying power {}, short by {}".format(
            *(output.shown(found[n]) for n in ("sma", "reg_t_excess", "buying_power", "shortfall"))
        )
        + restricted
    )
    names = ("opened_on", "amount", "due_on", "met", "outstanding", "to_liquidate", "status")
    _listing("Regulation T calls", found["calls"], names)


def _listing(title: str, documents: list[Document], names: Sequence[str]) -> None:
    if documents:
        output.table([n.replace("_", " ") for n in names], _rows(documents, names), title)


def _stress(rows: list[Document]) -> None:
    names = ("scenario", "pnl", "equity", "excess_held", "excess", "is_underwater", "is_flagged")
    _listing("beta-weighted stress", rows, names)


def _marks(marks: list[Document]) -> None:
    rows = [
        [
            *(m[n] for n in ("symbol", "quantity", "price", "market_value", "price_state")),
            m["price_time"],
            m["beta"],
            _place(m["price_landed"]),
        ]
        for m in marks
    ]
    if rows:
        names = ("symbol", "quantity", "mark", "value", "state", "priced at", "beta", "landed in")
        output.table(names, rows, "positions and marks")


def _options(marks: list[Document]) -> None:
    """What the value of each option rests on."""
    names = ("quantity", "price", "underlying", "underlying_price", "strike", "expiry")
    options = [mark for mark in marks if mark["asset_class"] == "option"]
    rows = [
        (m["symbol"], *(m[n] for n in names), _percent(m["implied_volatility"])) for m in options
    ]
    if rows:
        heads = (
            "option",
            "contracts",
            "price",
            "on",
            "its price",
            "strike",
            "expiry",
            "volatility",
        )
        output.table(heads, rows, "option values")


def _adjusted(marks: list[Document]) -> None:
    """What each adjusted contract delivers, and the row or the action that says so."""
    told = [(mark["symbol"], mark["adjustment"]) for mark in marks if mark["adjustment"]]
    names = ("effective_on", "deliverable", "strike_multiplier")
    rows = [(of, *(a[n] for n in names), a.get("action_id"), _place(a)) for of, a in told]
    if rows:
        heads = ("option", "from", "delivers", "strike multiplier", "by action", "landed in")
        output.table(heads, rows, "adjusted contracts")


def _rates(rates: list[Document]) -> None:
    rows = [(r["name"], _percent(r["rate_annual"]), r["event_time"], _place(r)) for r in rates]
    if rows:
        output.table(("rate", "a year", "at", "landed in"), rows, "rates")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _day_trading(days: list[Document]) -> None:
    traded = [day for day in days if day["is_pattern_day_trader"] or day["day_trades"]]
    names = ("business_date", "day_trades", "window_day_trades", "buying_power", "special_call")
    _listing("day trading", traded, names)


def _place(row: Document | None) -> str:
    return "" if row is None else f"{row['path']}:{row['file_row']}"


def _books(books: Document) -> None:
    """What moved positions beside trades."""
    rows = [row | {"landed_in": _place(row)} for row in books["openings"]]
    names = ("as_of", "symbol", "quantity", "cost", "cash", "landed_in")
    _listing("opening balances", rows, names)
    acts = [row | {"what": told(row), "landed_in": _place(row)} for row in books["actions"]]
    _listing("corporate actions", acts, ("acts_at", "action_id", "what", "landed_in"))
    left = ("action_id", "symbol", "amount", "happened_at")
    _listing("accrued dividends", books["dividends"], left)


def _landed(story: Document) -> None:
    fills = [
        [
            *(f[n] for n in ("event_time", "fill_id", "symbol", "quantity", "price", "effect")),
            f["is_late"],
            _place(f),
        ]
        for f in story["fills"]
    ]
    if fills:
        names = ("at", "fill", "symbol", "quantity", "price", "effect", "late", "landed in")
        output.table(names, fills, "fills")
    settled = [
        [
            *(s[n] for n in ("settled_at", "symbol", "outcome", "contracts", "shares", "cash")),
            "the rule" if s["settled_by_rule"] else s["exercise_id"],
            _place(s["landed"]),
        ]
        for s in story["settlements"]
    ]
    if settled:
        names = ("at", "option", "outcome", "contracts", "shares", "cash", "by", "landed in")
        output.table(names, settled, "settled options")
    cash = [
        [*(c[n] for n in ("event_time", "movement_id", "kind", "amount")), _place(c)]
        for c in story["cash_movements"]
    ]
    if cash:
        output.table(("at", "movement", "kind", "amount", "landed in"), cash, "cash movements")


def _calls(calls: list[Document]) -> None:
    names = ("changed_at", "change", "state", "amount", "house_due_at", "legal_due_at")
    for call in calls:
        title = f"{call['call_type']} call {call['call_id'][:12]}, {call['rule']}"
        _listing(title, call["versions"], (*names, "extended_by", "consequence"))
        _listing("acts about it", call["acts"], ("event_time", *_ACT))


def _plans(plans: list[Document]) -> None:
    names = ("side", "quantity", "price", "state", "filled_quantity", "average_price")
    for plan in plans:
        title = f"liquidation plan {plan['plan_id'][:12]}"
        _listing(title, plan["versions"], ("changed_at", "state", "actor", "reason", "cost"))
        _listing("its orders", plan["orders"], ("changed_at", "symbol", *names))
        _listing("acts about it", plan["acts"], ("event_time", *_ACT))


def _notices(notices: list[Document]) -> None:
    names = ("created_at", "severity", "recipient", "channel", "subject", "state", "sent_at")
    _listing("notices", notices, (*names, "acknowledged_by"))


def _timeline(events: list[Document]) -> None:
    earlier = len(events) - _LATEST
    title = "what happened, in order" + (f", without the first {earlier}" if earlier > 0 else "")
    _listing(title, events[-_LATEST:], ("at", "kind", "text", "by", "cycle"))


def _decisions(decisions: list[Document]) -> None:
    names = ("decided_at", "dimension", "change", "reason", "excess", "stress_excess", "cycle")
    told = [row | {"change": _change(row)} for row in decisions]
    _listing("decisions", told, names)


def _change(row: Document) -> str:
    """What a decision did: a reason may come or go while the state stays."""
    if row["from_state"] != row["to_state"]:
        return f"{row['from_state']} to {row['to_state']}"
    return (
        f"stays {row['to_state']}, {'one reason more' if row['direction'] == 'up' else 'one less'}"
    )


def _foot(story: Document) -> None:
    _listing("rulebooks as sealed", story["rulebooks"], ("family", "effective", "hash", "source"))
    cycle = story["cycle"]
    output.say(f"cycle {cycle['cycle']}, code {cycle['code_version']}, hash {cycle['hash']}")
