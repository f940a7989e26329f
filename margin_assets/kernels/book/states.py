"""Named states of an account's inputs, as bits; `INDETERMINATE` holds those that make it so."""

UNREGISTERED = 1
NO_PRICE = 2
PRICE_UNUSABLE = 4
NO_INSTRUMENT = 8
UNSUPPORTED = 16
BEYOND_RANGE = 32
PRICE_STALE = 64
NO_BETA = 128
NO_UNDERLYING_PRICE = 256
EXPIRED = 512
NO_RATE = 1024
QUOTE_OUT_OF_BOUNDS = 2048
UNMODELLED = 4096
NOT_PROVEN = 8192
FILL_PRICE = 16384
QUOTE_BELOW_BOUND = 32768
AWAITING_SETTLEMENT = 65536
DELIVERABLE_UNMODELLED = 131072
INDETERMINATE = (
    UNREGISTERED
    | NO_PRICE
    | PRICE_UNUSABLE
    | NO_INSTRUMENT
    | UNSUPPORTED
    | BEYOND_RANGE
    | NO_UNDERLYING_PRICE
    | EXPIRED
    | UNMODELLED
    | AWAITING_SETTLEMENT
    | DELIVERABLE_UNMODELLED
)
UNPRICED = NO_PRICE | PRICE_UNUSABLE | NO_UNDERLYING_PRICE
"""Those for want of a usable price."""
STATE_NAMES = (
    "unregistered",
    "price_missing",
    "price_unusable",
    "instrument_missing",
    "asset_class_unsupported",
    "beyond_range",
    "price_stale",
    "beta_missing",
    "underlying_price_missing",
    "expired",
    "rate_missing",
    "quote_out_of_bounds",
    "portfolio_margin_bound",
    "grouping_not_proven",
    "fill_price",
    "quote_below_bound",
    "awaiting_settlement",
    "deliverable_unmodelled",
)


def state_names(states: int) -> str:
    """Named states of a bit set, `;`-separated in their fixed order."""
    return ";".join(name for i, name in enumerate(STATE_NAMES) if states >> i & 1)
