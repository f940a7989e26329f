"""A lake decides by rulebooks of its own, from their day on and in every replay."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from margin_assets.assets.declared import IO_MANAGER, daily_asset
from margin_assets.assets.resources import DailyTwins
from margin_assets.cli.account.more import rulebooks
from margin_assets.desk.acts import Refused
from margin_assets.desk.adopting import adopt, preview, proposal
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.lake.ledger.adoptions import Adopted, Adoption, decided_as, decided_next, keep
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.replay import replay, replay_into
from margin_assets.rulebooks import RulebookMissing, installed
from tests.support import seaweed
from tests.support.live_driver import Firm, Row, at, cash, fill, opening, price

DAY, NEXT = date(2020, 3, 9), date(2020, 3, 10)
NOW = datetime(2026, 11, 28, tzinfo=UTC)
WHO = ("mia", "Risk committee")
# 1,000 X at 100 on 60,000 of cash: equity 60,000, maintenance 25%, or 70% as adopted.
BOOK: dict[str, list[Row]] = opening("A") | {
    "cash_movements": [cash("c", "A", "60000")],
    "fills": [fill("f", "1000", "100")],
}
STRICTER = "[finra_4210.long_equity]\nmaintenance = 0.70\n"


def adopted(lake: Lake, text: str = STRICTER, effective: date = NEXT) -> list[Adoption]:
    return list(adopt(lake, proposal(lake, text, "own.toml", effective), WHO, NOW))


def requirement(firm: Firm) -> Decimal:
    ((found,),) = firm.rows("margin_summary", "governing_requirement")
    return Decimal(found)


@pytest.fixture
def firm(tmp_path: Path) -> Firm:
    firm = Firm(tmp_path / "firm")
    firm.run(**BOOK)
    return firm


def test_it_decides_from_its_day_on_and_in_every_replay(firm: Firm, tmp_path: Path) -> None:
    other = firm.copied(tmp_path / "other")
    (made,) = adopted(firm.lake)

    firm.run(prices=[price("X", "100", at(60))])
    assert requirement(firm) == 25_000
    firm.run(prices=[price("X", "100", at(days=1))])
    assert requirement(firm) == 70_000
    assert ("call",) in firm.rows("enforcement_decisions", "to_state")
    firm.restart()
    last = firm.run(prices=[price("X", "101", at(60, days=1))]).sealed
    assert requirement(firm) == 70_700
    told = {row["family"]: row["source"] for row in rulebooks(firm.lake, last)}
    assert told["finra_4210"] == "this lake: Risk committee (mia, 2026-11-28)"

    # Another lake in the same process knows nothing of it.
    other.run(prices=[price("X", "100", at(days=1))])
    assert requirement(other) == 25_000
    planned = [one.manifest["rulebooks"] for one in firm.session.ledger.all_sealed()]
    assert planned[0] == other.session.ledger.all_sealed()[-1].manifest["rulebooks"] == installed()
    assert planned[1]["finra_4210"][str(NEXT)] == made.digest
    assert replay(firm.lake).difference is None
    again = Lake(str(tmp_path / "again"))
    again.create()
    assert replay_into(firm.lake, again).difference is None


def test_what_reads_a_cycle_decides_as_it_did(firm: Firm) -> None:
    adopted(firm.lake)
    first = firm.session.ledger.last_sealed()
    assert first is not None

    with decided_as(firm.lake, first):
        assert rules_in_force(NEXT).long_maintenance == 250_000
    assert all(row["source"][:10] != "this lake:" for row in rulebooks(firm.lake, first))
    with decided_next(firm.lake):
        assert rules_in_force(DAY).long_maintenance == 250_000
        assert rules_in_force(NEXT).long_maintenance == 700_000
    assert rules_in_force(NEXT).long_maintenance == 250_000


def test_a_daily_asset_decides_as_its_lake_would_next(firm: Firm) -> None:
    adopted(firm.lake)

    @daily_asset("margin_summary")
    def long_maintenance() -> int:
        return rules_in_force(NEXT).long_maintenance

    store = DailyTwins(lake_uri=firm.lake.uri)
    context = dg.build_asset_context(resources={IO_MANAGER: store}, partition_key=str(NEXT))
    assert long_maintenance(context) == 700_000
    assert rules_in_force(NEXT).long_maintenance == 250_000


def test_of_a_day_the_last_one_adopted_stands(firm: Firm) -> None:
    adopted(firm.lake)
    firm.run(prices=[price("X", "100", at(60))])
    adopted(firm.lake, STRICTER.replace("0.70", "0.50"))
    firm.run(prices=[price("X", "100", at(days=1))])

    assert requirement(firm) == 50_000
    assert replay(firm.lake).difference is None
    assert [one.number for one, _ in Adopted(firm.lake).all()] == [1, 2]


def test_a_day_that_was_sealed_first_keeps_its_rules(firm: Firm) -> None:
    """The adoption came while a cycle of its day was at work: nobody is judged twice."""
    asked = proposal(firm.lake, STRICTER, "own.toml", NEXT)
    firm.run(prices=[price("X", "100", at(days=1))])
    adopt(firm.lake, asked, WHO, NOW)
    firm.run(prices=[price("X", "101", at(60, days=1))])

    assert requirement(firm) == 25_250
    sealed = firm.session.ledger.last_sealed()
    assert sealed is not None
    assert sealed.manifest["rulebooks"] == installed()


def test_a_day_that_is_sealed_is_refused(firm: Firm) -> None:
    with pytest.raises(Refused, match=r"2020-03-09 is sealed already: .* up to 2020-03-09"):
        proposal(firm.lake, STRICTER, "own.toml", DAY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[house.ladder]\nwarning_below = 0.07", "above ladder.warning_ends_at, 0.06"),
        ("[house.ladder]\nwarnin_below = 0.04", "ladder.warnin_below is unknown: did you mean"),
        ("[house.ladder]\nwarning_below = 0.05", "changes no number of house/2020-01-01"),
        ("[lake.plan]\nmax_files = 3", "bounds of the installation's work: no lake has its own"),
        ("[overlays.volatility]\nabove = [0.6, 0.4]", "volatility.above .* do not rise"),
        ('[liquidation]\npolicy = "cheapest"', "policy"),
        ("colour = 1", "own.toml is no rulebook, and names none: start from `margin rulebook"),
        ("[house", "own.toml: "),
    ],
)
def test_what_contradicts_itself_is_refused(firm: Firm, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        proposal(firm.lake, text, "own.toml", NEXT)
    assert not Adopted(firm.lake).all()


def test_a_preview_says_who_moves_and_stores_nothing(firm: Firm) -> None:
    found = preview(firm.lake, proposal(firm.lake, STRICTER, "own.toml", NEXT))

    assert found["numbers"] == [{"key": "finra_4210.long_equity.maintenance", "a": 0.25, "b": 0.7}]
    (move,) = found["moves"]
    assert (move["status_before"], move["status_after"]) == ("ok", "call")
    assert (move["requirement_before"], move["requirement_after"]) == (25_000, 70_000)
    assert found["totals"]["newly_in_call"] == 1
    assert not firm.lake.objects_below("rulebooks")


def test_a_preview_tells_of_warnings(firm: Firm) -> None:
    """Excess is 35,000 of a gross value of 100,000: below 36% it would be warned of."""
    text = "[house.ladder]\nwarning_below = {}\nwarning_ends_at = 0.50\noverdue_minutes = 10\n"
    at_35, at_36 = (
        preview(firm.lake, proposal(firm.lake, text.format(level), "own.toml", NEXT))
        for level in (0.35, 0.36)
    )

    assert at_35["moves"] == []
    assert [move["status_after"] for move in at_36["moves"]] == ["warning"]
    assert at_36["totals"]["newly_warned"] == 1
    assert at_36["not_counted"] == ["house.ladder.overdue_minutes"]


def test_a_change_keeps_the_words_of_the_file(firm: Firm) -> None:
    adopted(firm.lake, "[house.ladder]\nwarning_below = 0.04")
    ((one, text),) = Adopted(firm.lake).all()

    assert "warning_below = 0.04 # of gross market value\n" in text.text
    path = f"rulebooks/house/{NEXT}-{one.digest}.toml"
    assert (Path(firm.lake.uri) / path).read_text("utf-8") == text.text
    assert (one.adopted_by, one.reason, one.after_cycle) == (*WHO, 1)


def test_a_text_that_was_edited_decides_nothing(firm: Firm) -> None:
    (one,) = adopted(firm.lake)
    path = Path(firm.lake.uri) / f"rulebooks/finra_4210/{NEXT}-{one.digest}.toml"
    path.write_text(path.read_text("utf-8").replace("0.7", "0.1"), "utf-8")

    with pytest.raises(RulebookMissing, match="is not the text that was adopted"):
        firm.cycle(prices=[price("X", "100", at(60))])


def test_of_two_people_one_gets_the_number(firm: Firm) -> None:
    asked = proposal(firm.lake, STRICTER, "own.toml", NEXT)
    (first,) = adopted(firm.lake)

    assert keep(firm.lake, [(first, asked.texts[0])])
    theirs = Adoption(**first.__dict__ | {"adopted_by": "joe"})
    assert not keep(firm.lake, [(theirs, asked.texts[0])])
    with pytest.raises(Refused, match="say why"):
        adopt(firm.lake, asked, ("mia", " "), NOW)


def test_what_was_proposed_before_another_adopted_is_refused(firm: Firm) -> None:
    """Of one family and day the last text stands whole: it would take the other's change back."""
    slow = proposal(firm.lake, "[finra_4210.short_equity]\nmaintenance = 0.80\n", "slow", NEXT)
    adopted(firm.lake)

    with pytest.raises(Refused, match="somebody else adopted a rulebook meanwhile"):
        adopt(firm.lake, slow, WHO, NOW)
    with decided_next(firm.lake):
        assert rules_in_force(NEXT).long_maintenance == 700_000


def test_families_are_adopted_together_or_not_at_all(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = STRICTER + "[house.ladder]\nwarning_below = 0.04\n"
    create, left = Lake.create_object, iter(range(9))

    def dies_at(life: int) -> Callable[[Lake, str, bytes], bool]:
        def created(lake: Lake, path: str, content: bytes) -> bool:
            if next(left) == life:
                raise KeyboardInterrupt
            return create(lake, path, content)

        return created

    for life in range(3):  # each text, and the act
        left = iter(range(9))
        monkeypatch.setattr(Lake, "create_object", dies_at(life))
        with pytest.raises(KeyboardInterrupt):
            adopted(firm.lake, both)
        assert Adopted(firm.lake).all() == []
    monkeypatch.undo()

    assert [(one.number, one.family) for one in adopted(firm.lake, both)] == [
        (1, "finra_4210"),
        (1, "house"),
    ]
    with decided_next(firm.lake):
        rules = rules_in_force(NEXT)
    assert (rules.long_maintenance, rules.warning_below) == (700_000, 40_000)


def test_an_act_of_one_family_as_lakes_have_it_from_before_stands(firm: Firm) -> None:
    adopted(firm.lake)
    record = Path(firm.lake.uri) / "rulebooks/adoptions/000001.json"
    (told,) = json.loads(record.read_text("utf-8"))
    record.write_text(json.dumps(told), "utf-8")

    ((one, _),) = Adopted(firm.lake).all()
    assert (one.number, one.family, one.effective) == (1, "finra_4210", NEXT)


@pytest.mark.s3
def test_a_lake_on_s3_adopts(tmp_path: Path, s3_server: seaweed.S3Server) -> None:
    firm = Firm(tmp_path, Lake(s3_server.uri(), s3_server.storage_options))
    firm.run(**BOOK)
    adopted(firm.lake)
    firm.run(prices=[price("X", "100", at(days=1))])

    assert requirement(firm) == 70_000
    assert replay(firm.lake).difference is None
