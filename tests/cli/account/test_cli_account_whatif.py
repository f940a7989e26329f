"""An account of the lake with other prices and positions."""

import json
import re
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from margin_assets.cli import main
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.landing.offering.templates import template
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from schemas import FEEDS
from tests.support.empty_lake import created
from tests.support.margin_command import Margin, Said, land, live, place


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of the templates: stock, a covered call, a bond, a short leveraged fund."""
    folder = tmp_path_factory.mktemp("firm")
    for feed in FEEDS:
        (folder / "landing" / feed).mkdir(parents=True)
        (folder / "landing" / feed / "example.csv").write_text(template(feed), "utf-8")
    lake = created(Lake(str(folder / "lake")))
    assert len([*Session(lake).run(LocalLanding(folder / "landing"), until_idle=True)]) == 1
    return folder


@pytest.mark.parametrize("account", ["M-1001", "P-2001"])
def test_an_account_as_it_stands_is_answered_as_it_is_margined(
    margin: Margin, firm: Path, account: str
) -> None:
    found = margin("whatif", "--account", account, "--add", "/dev/null", *place(firm))
    assert found.code == 1  # nothing is no addition

    found = margin(
        "whatif", "--account", account, "--as-of", "2030-01-01T00:00:00Z", *place(firm), "--json"
    ).document
    question = f"SELECT * FROM margin_summary WHERE account_id = '{account}'"
    (sealed,) = margin("sql", question, *place(firm), "--json").document
    stress = f"SELECT pnl FROM stress_results WHERE account_id = '{account}' ORDER BY move"
    pnl = [row["pnl"] for row in margin("sql", stress, *place(firm), "--json").document]

    answer = found["before"]
    assert found["after"] == answer
    assert {
        "equity": answer["equity"],
        "net_liquidation": answer["net_liquidation"],
        "reg_t_requirement": answer["reg_t"]["maintenance_requirement"],
        "portfolio_margin_requirement": answer["portfolio_margin"]["requirement"],
        "house_requirement": answer["house"]["requirement"],
    }.items() <= sealed.items()
    assert [row["pnl"] for row in answer["stress"]] == pnl


@pytest.fixture(scope="module")
def odd(firm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same later: stale prices and an account nobody named, then a call that is over."""
    folder = shutil.copytree(
        firm, tmp_path_factory.mktemp("odd") / "firm", copy_function=shutil.copy2
    )
    fill = "fill_id,account_id,symbol,quantity,price,event_time"
    price = "symbol,price,event_time,source\nXOM,125,{}T15:00:00-05:00,vendor\n"
    land(folder, "fills/x.csv", f"{fill}\nX-1,X-9,XOM,10,125,2026-03-05T15:00:00-05:00\n")
    land(folder, "prices/x.csv", price.format("2026-03-05"))
    live(calling_main, folder)
    land(folder, "prices/y.csv", price.format("2026-06-22"))
    live(calling_main, folder)
    return folder


def calling_main(*words: object) -> Said:
    return Said(main([str(word) for word in words]), "", "")


@pytest.mark.parametrize(
    ("account", "until", "flag"),
    [
        ("M-1001", "2026-03-06", "price_stale"),
        ("X-9", "2026-03-06", "unregistered"),
        ("M-1001", "2026-07-01", ""),
    ],
)
def test_what_is_not_in_order_is_named_as_the_live_path_names_it(
    margin: Margin, odd: Path, account: str, until: str, flag: str
) -> None:
    words = ["--account", account, "--as-of", f"{until}T00:00:00Z", *place(odd), "--json"]
    answer = margin("whatif", *words).document["before"]
    cycle = margin("whatif", *words).document["cycle"]
    question = f"SELECT * FROM margin_summary WHERE account_id = '{account}'"
    (sealed,) = margin("sql", question, "--cycle", cycle, *place(odd), "--json").document

    told = [row for kind in ("indeterminate_reasons", "flags") for row in answer[kind]]
    reasons = {reason for row in told for reason in row["reasons"]}
    assert answer["status"] == sealed["status"]
    assert reasons == set(filter(None, sealed["reasons"].split(";")))
    assert flag in reasons or not flag
    assert answer["equity"] == sealed["equity"]
    assert answer["reg_t"]["maintenance_requirement"] == sealed["reg_t_requirement"]


def test_shocks_and_additions_are_told_before_and_after(
    margin: Margin, firm: Path, tmp_path: Path
) -> None:
    file = tmp_path / "hedge.json"
    file.write_text(
        json.dumps({"positions": [{"kind": "equity", "symbol": "XOM", "quantity": -400}]})
    )
    words = ["--account", "M-1001", "--add", file, "--shock", "XOM=-10%", *place(firm)]

    said = margin("whatif", *words)
    found = margin("whatif", *words, "--json").document

    # 400 XOM are sold at 113.05; of the call that is left the writer gains.
    assert found["after"]["cash"] - found["before"]["cash"] == 45_220
    assert found["after"]["net_liquidation"] > found["before"]["net_liquidation"]
    assert "45,220.00" in said.out
    assert re.search(r"XOM +naked_call", said.out)
    again = tmp_path / "again.json"
    again.write_text(json.dumps(found["document"]))
    assert margin("whatif", again, "--json").document["cash"] == found["after"]["cash"]


CALL = {
    "kind": "option",
    "underlying": "XOM",
    "right": "call",
    "strike": 120,
    "expiry": "2026-06-19",
    "style": "american",
    "multiplier": 100,
    "quantity": 2,
    "price": 4.10,
    "deliverable": {"units": 100, "cash": 5, "strike_multiplier": 100},  # its landed adjustment
}


@pytest.mark.parametrize(
    ("account", "position", "order"),
    [
        pytest.param(
            "M-1001",
            {"kind": "equity", "symbol": "TQQQ", "quantity": 100},
            "BUY 100 TQQQ @ 58.75",
            id="stock that it does not hold",
        ),
        pytest.param("P-2001", CALL, "BUY 2 XOM   260619C00120000 @ 4.10", id="its first option"),
    ],
)
def test_what_is_added_has_what_the_lake_knows_of_it(
    margin: Margin, firm: Path, tmp_path: Path, account: str, position: object, order: str
) -> None:
    file = tmp_path / "more.json"
    file.write_text(json.dumps({"positions": [position]}))
    asked = ["whatif", "--account", account, *place(firm), "--json"]

    after = margin(*asked, "--add", file).document["after"]
    traded = margin(*asked, "--order", order).document

    # The order book of live knows the symbols by another route.
    assert after["house"]["requirement"] == traded["governing_requirement"]["after"]
    assert after["cash"] == traded["cash"]["after"]
    assert min(row["excess"] for row in after["stress"]) == traded["worst_stress_excess"]["after"]
    assert after["flags"] == margin(*asked).document["before"]["flags"]


def test_the_groups_that_are_shown_add_up_to_their_method(margin: Margin, firm: Path) -> None:
    said = margin("whatif", "--account", "M-1001", *place(firm)).out

    amounts = r" +([\d,.]+) +([\d,.]+) *$"
    groups = re.findall(rf"FINRA 4210\S+ +-?[\d,.]+{amounts}", said, re.MULTILINE)
    told = re.findall(r"reg_t (?:maintenance|initial) +([\d,.]+)", said)
    sums = [sum(map(usd, column)) for column in zip(*groups, strict=True)]
    assert len(groups) > 1
    assert sums == [usd(amount) for amount in told]


def usd(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--account", "M-101"], "unknown account 'M-101': did you mean 'M-1001'?"),
        (["--account", "M-1001", "--shock", "XON=1%"], "did you mean 'XOM'?"),
        (["--shock", "XOM=1%"], "name it by --account"),
        (["x.json", "--account", "M-1001"], "a document has its account in it"),
        (["--account", "M-1001", "--add", "no.json"], "--add no.json cannot be read: No such file"),
        (["no.json"], "no.json cannot be read: No such file or directory"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    margin: Margin, firm: Path, words: list[str], told: str
) -> None:
    said = margin("whatif", *words, *place(firm))

    assert said.code == 1
    assert told in said.err
    assert said.err.count("\n") == 1


def test_every_fault_of_a_file_has_its_line(margin: Margin, tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    file.write_text('{"as_off": 1, "account": {}, "positions": []}')

    said = margin("whatif", file)

    assert said.code == 1
    assert said.err.splitlines()[0] == "as_off: unknown key: did you mean 'as_of'?"
    assert said.err.splitlines()[-1] == f"margin: {file}: refused for these 5 faults"


def test_the_schema_is_printed(margin: Margin) -> None:
    assert margin("whatif", "--schema").document["title"] == "Document"
