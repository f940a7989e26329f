import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from margin_assets.whatif import DocumentError, parse_document, whatif, whatif_lines
from margin_assets.whatif.document import Equity

Json = dict[str, Any]
DOCUMENT: Json = {
    "as_of": "2020-03-09",
    "account": {"account_id": "A1", "account_type": "reg_t", "cash": -40000.0, "sma": 0.0},
    "positions": [{"kind": "equity", "symbol": "IBM", "quantity": 1000}],
    "instruments": {
        "IBM": {
            "price": 60,
            "asset_class": "equity",
            "leverage": 1,
            "class_group": "IBM",
            "marginable": True,
            "beta": 0.9,
            "volatility_annual": 0.22,
            "dividend_yield": 0.0,
        }
    },
    "rates": {"risk_free": 0.05},
    "options": {"short_sale_proceeds_in_cash": True},
}
SWAP = {"kind": "swap"}
OPTION = {
    "kind": "option",
    "underlying": "IBM",
    "right": "call",
    "strike": 95,
    "expiry": "2020-04-17",
    "style": "american",
    "multiplier": 100,
    "quantity": -5,
    "price": 2.78,
}
BOND = {
    "kind": "bond",
    "bond_class": "us_treasury",
    "principal": 100000,
    "price_pct": 99.5,
    "maturity": "2034-02-15",
}


def changed(path: str, value: object) -> str:
    """The document with one place changed, such as `account.cash`."""
    document = copy.deepcopy(DOCUMENT)
    *parents, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    place: Any = document
    for key in parents:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return json.dumps(document)


def held(**quantities: float) -> str:
    rows = [{"kind": "equity", "symbol": s, "quantity": q} for s, q in quantities.items()]
    return changed("positions", rows)


def test_answer_of_the_textbook_account():
    answer = whatif(json.dumps(DOCUMENT))

    assert answer["status"] == "determinate"
    assert (answer["long_market_value"], answer["equity"]) == (60000.0, 20000.0)
    reg_t = answer["reg_t"]
    assert (reg_t["maintenance_requirement"], reg_t["excess"]) == (15000.0, 5000.0)
    assert (reg_t["initial_requirement"], reg_t["sma"], reg_t["buying_power"]) == (30000.0, 0, 0)
    assert reg_t["groups"][0]["legs"] == [{"position": 0, "symbol": "IBM", "quantity": 1000}]
    assert reg_t["groups"][0]["max_potential_loss"] == 60000.0
    assert answer["portfolio_margin"]["requirement"] == 9000.0
    assert answer["portfolio_margin"]["reasons"] == ["equity_below_minimum"]
    assert (answer["margin_method"], answer["margin_savings"]) == ("portfolio_margin", 6000.0)
    assert answer["house"]["requirement"] == 15000.0
    assert answer["stress"][0] == {
        "scenario": "SPY -8%",
        "move": -0.08,
        "pnl": -4320.0,
        "equity": 15680.0,
        "requirement_held": 15000.0,
        "excess_held": 680.0,
        "requirement": 13920.0,
        "excess": 1760.0,
        "underwater": False,
        "flagged": False,
    }


PUBLIC_KEYS = {
    "": "account_id as_of status rulebooks long_market_value short_market_value net_option_value"
    " equity reg_t portfolio_margin house stress margin_method margin_savings",
    "rulebooks": "finra_4210 reg_t tims house",
    "reg_t": "initial_requirement maintenance_requirement gross_requirement net_deposit excess"
    " call sma buying_power groups",
    "reg_t.groups.0": "strategy rule legs gross_requirement net_deposit max_potential_loss",
    "portfolio_margin": "eligible reasons requirement excess class_groups",
    "portfolio_margin.class_groups.0": "class_group pnl_by_point worst_point scan_risk minimum"
    " requirement",
    "house": "concentration_addon volatility_addon requirement excess",
    "stress.0": "scenario pnl equity requirement excess underwater",
}


@pytest.mark.parametrize("path", PUBLIC_KEYS)
def test_answer_has_every_public_key(path: str):
    place: Any = whatif(json.dumps(DOCUMENT))
    for key in filter(None, path.split(".")):
        place = place[int(key) if key.isdigit() else key]

    assert set(PUBLIC_KEYS[path].split()) <= set(place)


def test_rows_of_one_symbol_are_boxed_as_far_as_they_match():
    rows = [{"kind": "equity", "symbol": "IBM", "quantity": q} for q in (1000, -400.5)]

    boxed, rest = whatif(changed("positions", rows))["reg_t"]["groups"]

    assert [(leg["position"], leg["quantity"]) for leg in boxed["legs"]] == [
        (0, 400.5),
        (1, -400.5),
    ]
    assert [leg["quantity"] for leg in rest["legs"]] == [599.5]
    assert [group["market_value"] for group in (boxed, rest)] == [0, 35970.0]


def test_what_is_held_both_ways_takes_a_rate_of_the_long_side():
    rows = [{"kind": "equity", "symbol": "IBM", "quantity": q} for q in (1000, -1000)]

    answer = whatif(changed("positions", rows))

    (group,) = answer["reg_t"]["groups"]
    assert (group["rule"], group["maintenance_requirement"]) == ("FINRA 4210(e)(1)", 3000.0)
    assert (group["market_value"], answer["equity"]) == (0.0, -40000.0)


@pytest.mark.parametrize(
    ("text", "value", "reasons"),
    [
        pytest.param(held(XYZ=10), 0, ["price_missing", "instrument_missing"], id="not known"),
        pytest.param(changed("instruments.IBM.price", None), 0, ["price_missing"], id="no price"),
        pytest.param(
            changed("instruments.IBM.asset_class", None),
            60000,
            ["instrument_missing"],
            id="no asset class: terms are not known",
        ),
        pytest.param(
            changed("instruments.IBM.asset_class", "corporate"),
            60000,
            ["asset_class_unsupported"],
            id="not margined as stock",
        ),
    ],
)
def test_what_lacks_reference_data_is_named_and_not_marginable(
    text: str, value: float, reasons: list[str]
):
    answer = whatif(text)

    (group,) = answer["reg_t"]["groups"]
    assert answer["status"] == "indeterminate"
    assert answer["indeterminate_reasons"] == [{"symbol": group["symbol"], "reasons": reasons}]
    assert group["market_value"] == value
    if "price_missing" not in reasons:
        assert group["gross_requirement"] == value


def test_unpriced_short_is_carried_at_its_last_fill_and_half():
    row = {"kind": "equity", "symbol": "XYZ", "quantity": -10, "last_fill_price": 40}

    assert whatif(changed("positions", [row]))["short_market_value"] == 600.0


def test_unpriced_short_that_nobody_dealt_is_carried_at_the_bound_of_prices():
    answer = whatif(held(XYZ=-10))

    assert answer["short_market_value"] == 10 * 1.5 * 10_000_000
    assert answer["house"]["call"] > answer["short_market_value"]


def test_missing_beta_is_flagged_and_determinate():
    answer = whatif(changed("instruments.IBM.beta", None))

    assert answer["status"] == "determinate"
    assert answer["flags"] == [{"symbol": "IBM", "reasons": ["beta_missing"]}]
    assert answer["stress"][0]["pnl"] == -9600.0


def test_marginable_is_true_unless_the_instrument_says_otherwise():
    assert whatif(changed("instruments.IBM.marginable", None))["reg_t"]["call"] == 0
    text = changed("instruments.IBM.marginable", value=False)
    assert whatif(text)["reg_t"]["maintenance_requirement"] == 60000.0


def test_short_proceeds_may_come_on_top_of_the_cash():
    document = json.loads(held(IBM=-100)) | {"options": {"short_sale_proceeds_in_cash": False}}
    document["account"]["cash"] = 5000

    answer = whatif(json.dumps(document))

    assert (answer["cash"], answer["equity"]) == (11000.0, 5000.0)


@pytest.mark.parametrize(
    ("quantity", "account_type", "addon"),
    [
        pytest.param(100, "reg_t", 300, id="25% is held"),
        pytest.param(-100, "reg_t", 0, id="100% is held"),
        pytest.param(100, "portfolio_margin", 400, id="no line of its own"),
    ],
)
def test_low_price_overlay_asks_what_the_own_line_leaves_open(
    quantity: int, account_type: str, addon: float
):
    document = json.loads(held(IBM=quantity)) | {"options": {"house_overlays": ["low_price"]}}
    document["account"] |= {"account_type": account_type, "cash": 5000}
    document["instruments"]["IBM"]["price"] = 4

    assert whatif(json.dumps(document))["house"]["low_price_addon"] == addon


def test_cash_account_is_governed_by_the_whole_value():
    answer = whatif(changed("account.account_type", "cash"))

    assert answer["house"]["requirement"] == 60000.0
    reg_t = answer["reg_t"]
    assert (reg_t["maintenance_requirement"], reg_t["initial_requirement"]) == (60000.0, 60000.0)
    assert (reg_t["excess"], reg_t["call"]) == (-40000.0, 40000.0)
    assert (answer["reg_t"]["sma"], answer["reg_t"]["buying_power"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("quantity", "deposit"), [(25, 1500), (50, 2000), (100, 3000), (-1, 2000), (-100, 3000)]
)
def test_first_purchase_takes_2000_or_its_cost_and_a_short_sale_2000(
    quantity: float, deposit: float
):
    reg_t = whatif(held(IBM=quantity))["reg_t"]

    # 4210(b)(4) on top of Regulation T's half of 60 a share.
    assert (reg_t["initial_requirement"], reg_t["net_deposit"]) == (30 * abs(quantity), deposit)


def test_minimum_equity_is_a_call_of_its_own():
    answer = whatif(changed("account.cash", -58500))

    assert (answer["minimum_equity"], answer["minimum_equity_call"]) == (2000.0, 500.0)
    assert answer["reg_t"]["call"] == 13500.0


REFUSED: list[tuple[str, object, str]] = [
    ("as_off", 1, "as_off: unknown key"),
    ("positions.0.quantty", 1, "positions[0].quantty: unknown key"),
    ("instruments.IBM.prce", 1, "instruments.IBM.prce: unknown key"),
    ("as_of", None, "as_of: is missing"),
    ("as_of", "20200309", "as_of: must be a day written YYYY-MM-DD"),
    ("as_of", "2020-02-30", "as_of: day is out of range for month"),
    ("as_of", "1969-12-31", "as_of: must not be before 1970-01-01"),
    ("account.cash", None, "account.cash: is missing"),
    ("account.cash", "1", "account.cash: must be a number"),
    ("account.cash", True, "account.cash: must be a number"),
    ("account.cash", 0.001, "account.cash: more than 2 decimals"),
    ("account.cash", 1e12 + 1, "account.cash: beyond 1,000,000,000,000 in size"),
    ("account.sma", -1, "account.sma: must not be below 0"),
    ("account.account_type", "ira", "account.account_type: must be 'cash', 'reg_t' or"),
    ("account.account_id", "", "account.account_id: String should have at least 1 character"),
    ("positions", {}, "positions: must be a list"),
    ("positions.0.kind", "swap", "positions[0]: kind must be one of equity, option, bond"),
    ("positions.0.kind", None, "positions[0]: kind is missing"),
    ("positions.0", OPTION | {"expiry": "1999-01-15"}, "positions[0].expiry: before as_of"),
    ("positions.0", BOND | {"maturity": "1999-01-15"}, "positions[0].maturity: before as_of"),
    ("positions.0", OPTION | {"strike": 0}, "positions[0].strike: must be above 0"),
    ("positions.0", OPTION | {"right": "both"}, "positions[0].right: must be 'call' or 'put'"),
    ("positions.0.quantity", 0, "positions[0].quantity: must not be 0"),
    ("positions.0.quantity", 1.0000001, "positions[0].quantity: more than 6 decimals"),
    ("positions.0.quantity", 1e9 + 1, "positions[0].quantity: beyond 1,000,000,000 in size"),
    ("positions.0.quantity", float("nan"), "positions[0].quantity: must be finite"),
    ("positions.0.quantity", float("-inf"), "positions[0].quantity: must be finite"),
    ("positions.0.symbol", " IBM", "positions[0].symbol: must be printable ASCII"),
    ("positions.0.symbol", "IBM\n", "positions[0].symbol: must be printable ASCII"),
    ("positions.0.symbol", "\ud800", "positions[0].symbol: must be printable ASCII"),
    ("positions.0.symbol", "X" * 33, "positions[0].symbol: String should have at most 32"),
    ("instruments.A\nB", {}, 'instruments["A\\nB"]: must be printable ASCII'),
    ("instruments.IBM.price", 0, "instruments.IBM.price: must be above 0"),
    ("instruments.IBM.price", 10_000_000.5, "instruments.IBM.price: beyond 10,000,000 in size"),
    ("instruments.IBM.leverage", 0, "instruments.IBM.leverage: must not be 0"),
    ("instruments.IBM.leverage", 10.5, "instruments.IBM.leverage: beyond 10 in size"),
    ("instruments.IBM.beta", -20.5, "instruments.IBM.beta: beyond 20 in size"),
    ("instruments.IBM.marginable", 1, "instruments.IBM.marginable: must be true or false"),
    ("instruments.SPY", {"asset_class": "etf"}, "instruments.SPY: an etf must name its leverage"),
    ("instruments.IBM.asset_class", "option", "instruments.IBM.asset_class: must be 'equity'"),
]


@pytest.mark.parametrize(("path", "value", "message"), REFUSED, ids=lambda part: str(part)[:60])
def test_refused_place_is_named_in_one_line(path: str, value: object, message: str):
    with pytest.raises(DocumentError) as refused:
        parse_document(changed(path, value))

    assert str(refused.value).startswith(message)
    assert str(refused.value).isprintable()


def test_one_contract_has_one_name_however_its_numbers_are_written():
    rows = [OPTION | {"quantity": 5}, OPTION | {"strike": 95.0, "multiplier": 1e2, "quantity": -3}]

    answer = whatif(changed("positions", rows))

    assert [(row["symbol"], row["quantity"]) for row in answer["positions"]] == [
        ("IBM 200417C95", 2)
    ]


def test_contracts_a_century_apart_are_two():
    rows = [OPTION, OPTION | {"expiry": "2120-04-17", "price": 50}]

    assert len(whatif(changed("positions", rows))["positions"]) == 2


@pytest.mark.parametrize(
    ("rows", "instruments", "message"),
    [
        pytest.param(
            [OPTION, {"kind": "equity", "symbol": "IBM 200417C95", "quantity": 1}],
            {},
            'positions[1].symbol: "IBM 200417C95" is what positions[0] is',
            id="stock like an option",
        ),
        pytest.param(
            [{"kind": "equity", "symbol": "us_treasury 2034-02-15 #1", "quantity": 1}, BOND],
            {},
            'positions[0].symbol: "us_treasury 2034-02-15 #1" is what positions[1] is',
            id="stock like a bond",
        ),
        pytest.param(
            [OPTION, OPTION | {"underlying": "IBM 200417C95"}],
            {},
            'positions[1].underlying: "IBM 200417C95" is what positions[0] is',
            id="underlying like an option",
        ),
        pytest.param(
            [OPTION],
            {"IBM 200417C95": {"price": 3}},
            'instruments: "IBM 200417C95" is what positions[0] is',
            id="instrument like an option",
        ),
    ],
)
def test_name_of_an_option_or_a_bond_is_not_to_be_had(
    rows: list[Json], instruments: Json, message: str
):
    document = json.loads(changed("positions", rows))
    document["instruments"] |= instruments

    with pytest.raises(DocumentError) as refused:
        parse_document(json.dumps(document))

    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "not JSON", id="empty"),
        pytest.param("{", "not JSON", id="broken"),
        pytest.param("[]", "document: must be an object", id="not an object"),
        pytest.param(b"\xff", "not UTF-8 at byte 0", id="not UTF-8"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
        pytest.param('{"as_of": 1, "as_of": 2}', 'duplicate key "as_of"', id="duplicate"),
    ],
)
def test_text_that_is_no_document(text: str | bytes, message: str):
    with pytest.raises(DocumentError, match=f"^{message}"):
        parse_document(text)


@pytest.mark.parametrize(
    "number", ["1e999999999", "1e-999999999", "1e99999999999999999999", "9" * 5000, "0e999999999"]
)
def test_hostile_number_is_refused_at_its_place(number: str):
    text = json.dumps(DOCUMENT).replace('"quantity": 1000', f'"quantity": {number}')

    with pytest.raises(DocumentError, match=r"^positions\[0\].quantity: "):
        parse_document(text)


def test_quantities_that_add_up_beyond_range_are_refused():
    rows = [{"kind": "equity", "symbol": "IBM", "quantity": 1e9}] * 10

    with pytest.raises(DocumentError, match=r'^positions: "IBM" adds up to more than'):
        parse_document(changed("positions", rows))


def test_numbers_are_taken_exactly():
    document = parse_document(changed("positions.0.quantity", 0.1))

    (position,) = document.positions
    assert isinstance(position, Equity)
    assert str(position.quantity) == "0.1"


@pytest.mark.parametrize("encode", [str, str.encode], ids=["text", "bytes"])
def test_lines_are_answered_in_order(encode: Callable[[str], str | bytes]):
    other = json.loads(changed("account.account_id", "A2"))
    lines = [json.dumps(DOCUMENT), "  \n", "{", json.dumps(other), changed("positions.0", SWAP)]

    answers = [json.loads(line) for line in whatif_lines(map(encode, lines))]

    assert [answer.get("account_id") for answer in answers] == ["A1", None, "A2", None]
    assert [answer.get("error", "")[:20] for answer in answers] == [
        "",
        "not JSON: Expecting ",
        "",
        "positions[0]: kind m",
    ]


def test_same_document_gives_the_same_bytes():
    lines = [json.dumps(DOCUMENT)] * 2

    first, second = whatif_lines(lines)

    assert first == second
    assert "\n" not in first


def test_byte_order_mark_is_allowed():
    assert parse_document(b"\xef\xbb\xbf" + json.dumps(DOCUMENT).encode()).as_of.year == 2020
