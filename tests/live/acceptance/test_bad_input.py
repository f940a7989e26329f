"""Everything that a hostile or broken feed can land: named, kept, and never an exception."""

import gzip
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pytest

from margin_assets.lake.landing import landing
from margin_assets.lake.landing.landing import LocalLanding, Pending
from schemas.landed import ACCOUNT_TYPES
from tests.support.live_driver import (
    NOON,
    Firm,
    Row,
    account,
    at,
    beta,
    cash,
    fill,
    instrument,
    line,
    opening,
    price,
    stamp,
)

LANDED = at(days=400)
GOOD = fill("good", "3", "10", at(1))


@pytest.fixture
def firm(tmp_path: Path):
    made = Firm(tmp_path)
    made.run(**opening("A"))
    return made


def ndjson(*rows: Row) -> bytes:
    return "".join(map(line, rows)).encode()


def csv(*lines: str) -> bytes:
    head = "fill_id,account_id,symbol,quantity,price,event_time"
    return "\n".join((head, *lines, "")).encode()


def parquet(tmp_path: Path, **columns: list[int]) -> bytes:
    one = {
        "fill_id": ["good"],
        "account_id": ["A"],
        "symbol": ["X"],
        "quantity": [3],
        "price": [10],
        "event_time": [at(1)],
    }
    pl.DataFrame(one | columns).write_parquet(tmp_path / "made.parquet")
    return (tmp_path / "made.parquet").read_bytes()


def bad(**changes: str) -> bytes:
    """The good row under another id, with some members said otherwise."""
    text = line(GOOD | {"fill_id": "bad"})
    for name, value in changes.items():
        old = line({name: GOOD[name]}).strip()[1:-1]
        text = text.replace(old, f'"{name}":{value}')
    return text.encode()


BAD_ROWS = [
    (b"{broken\n", "invalid_json"),
    (b"[1,2]\n", "not_an_object"),
    (b"\xff\xfe\n", "not_utf8"),
    (b'{"a":"\x00"}\n', "nul_byte"),
    (b"[" * 5000 + b"\n", "nested_too_deep"),
    (b'{"fill_id":"a","fill_id":"b"}\n', "duplicate_key"),
    (bad(price="NaN"), "invalid_json"),
    (bad(price="Infinity"), "invalid_json"),
    (bad(price="-1e-400"), "price_out_of_range;price_too_many_decimals"),
    (bad(price="-10"), "price_out_of_range"),
    (bad(price="0"), "price_out_of_range"),
    (bad(price="10000000.000001"), "price_out_of_range"),
    (bad(price="1e999999"), "price_out_of_range"),
    (bad(price='"10"'), "price_not_a_number"),
    (bad(quantity="1000000001"), "quantity_out_of_range"),
    (bad(quantity="-1e30"), "quantity_out_of_range"),
    (bad(quantity="0.0000001"), "quantity_too_many_decimals"),
    (bad(quantity="null"), "quantity_missing"),
    (bad(quantity="true"), "quantity_not_a_number"),
    (bad(account_id='" A"'), "account_id_not_printable"),
    (bad(account_id='"A\\u0000"'), "account_id_not_printable"),
    (bad(account_id='"\\ud800"'), "account_id_not_printable"),
    (bad(account_id='""'), "account_id_empty"),
    (bad(symbol=f'"{"S" * 33}"'), "symbol_too_long"),
    (bad(event_time='"2020-03-09T16:00:00"'), "event_time_without_zone"),
    (bad(event_time='"2999-01-01T00:00:00Z"'), "event_time_in_future"),
    (bad(event_time='"1969-12-31T23:59:59Z"'), "event_time_before_1970"),
    (bad(event_time="1583769600"), "event_time_not_a_time"),
]
"""A line of a file, and why it does not count."""


def test_bad_rows_are_named_and_the_good_ones_beside_them_count(firm: Firm):
    for number, (row, _) in enumerate(BAD_ROWS):
        good = ndjson(GOOD | {"fill_id": f"good {number}"})
        firm.put(f"fills/{number}.ndjson", row + good, LANDED)
    firm.run()

    found = dict(firm.rows("quarantine", "path", "reasons"))
    assert found == {f"fills/{number}.ndjson": why for number, (_, why) in enumerate(BAD_ROWS)}
    assert firm.position() == (3 * len(BAD_ROWS), -30 * len(BAD_ROWS))
    firm.check_nothing_lost()


BAD_FILES = [
    ("0.parquet", b"PAR1 and nothing more", "file_unreadable"),
    ("1.csv", b"a,b\n1,2\n", "missing_column"),
    ("2.csv", b'fill_id,"account_id\n', "malformed_csv"),
    ("3.csv", b"fill_id,fill_id\nx,y\n", "duplicate_column"),
    ("4.csv", csv("a,A,X,1,1,\x00"), "nul_byte"),
    ("5.ndjson.gz", gzip.compress(b"{}\n", mtime=0)[:-3], "file_unreadable"),
    ("6.ndjson.zst", b"not compressed", "file_unreadable"),
    ("7.ndjson.gz", gzip.compress(b" " * 110_000_000, mtime=0), "decompression_bomb"),
]
"""A file's name and bytes, and why none of it counts."""


def test_files_that_cannot_be_understood_are_refused_whole(firm: Firm):
    for name, data, _ in BAD_FILES:
        firm.put(f"fills/{name}", data, LANDED)
    firm.put("fills/good.ndjson", ndjson(GOOD), LANDED)
    firm.run()

    columns = ("path", "reasons", "file_row", "raw_sha256")
    assert firm.table("quarantine").sort("path").select(columns).rows() == [
        (f"fills/{name}", reason, 0, hashlib.sha256(data).hexdigest())
        for name, data, reason in BAD_FILES
    ]
    assert firm.position() == (3, -30)
    firm.check_nothing_lost()


def test_truncated_parquet_files(firm: Firm, tmp_path: Path):
    for cut in (8, 100, 400):
        firm.put(f"fills/{cut}.parquet", parquet(tmp_path)[:-cut], LANDED)
    firm.run()

    assert firm.reasons() == ["file_unreadable"] * 3


def test_a_parquet_file_whose_row_is_reused_later(firm: Firm, tmp_path: Path):
    firm.put("fills/f.parquet", parquet(tmp_path), LANDED)
    firm.run()
    firm.put("fills/g.parquet", parquet(tmp_path, quantity=[4]), LANDED)
    firm.run()

    assert firm.position() == (3, -30)
    assert firm.reasons() == ["id_reused"]
    firm.check_nothing_lost()


EMPTY_FILES = {
    "prices/0.ndjson": b"",
    "fills/1.csv": b"",
    "cash_movements/2.parquet": b"",
    "prices/3.ndjson": b"\n \n\r\n",
    "prices/4.csv": b"symbol,price,event_time,source,more\n",
    "fills/5.ndjson.gz": gzip.compress(b"", mtime=0),
}


def test_files_without_rows_are_done(firm: Firm):
    for name, data in EMPTY_FILES.items():
        firm.put(name, data, LANDED)
    assert firm.run().sealed.cycle == 2

    last = firm.table("landed_files").filter(cycle=2).select("path", "status", "rows_read")
    assert sorted(last.rows()) == sorted((name, "empty", 0) for name in EMPTY_FILES)
    assert firm.table("quarantine").is_empty()
    assert firm.cycle() is None


def test_a_line_of_200_megabytes_is_kept_by_its_head_and_hash(firm: Firm):
    target = firm.put("fills/long.ndjson", b'{"a":"', LANDED)
    with target.open("r+b") as stream:
        stream.truncate(200_000_000)  # sparse: zeros up to here
        stream.seek(0, os.SEEK_END)
        stream.write(b'"}\n' + ndjson(GOOD))
    stamp(target, LANDED)
    firm.run()

    row = firm.table("quarantine").row(0, named=True)
    assert (row["reasons"], row["raw_bytes"]) == ("line_too_long", 200_000_002)
    assert len(row["raw"]) == 65_536
    assert firm.position() == (3, -30)
    firm.check_nothing_lost()


# Names


def test_names_are_data(firm: Firm, tmp_path: Path):
    outside = tmp_path / "outside.ndjson"
    outside.write_bytes(ndjson(fill("stolen", "999", "1", at(1))))
    fills = firm.landing / "fills"
    fills.mkdir()
    (fills / "link.ndjson").symlink_to(outside)
    (fills / "passwd.ndjson").symlink_to("/etc/passwd")
    (fills / "dangling.ndjson").symlink_to("/nowhere")
    (fills / "loop.ndjson").symlink_to("loop.ndjson")
    (firm.landing / "prices" / "folder").symlink_to(tmp_path)
    os.mkfifo(fills / "pipe.ndjson")
    (fills / "folder.ndjson").mkdir()
    ignored = 6
    for number, name in enumerate(("..ndjson", ".hidden.ndjson", "note.txt", "x.ndjson.bz2")):
        firm.put(f"fills/{name}", ndjson(fill(f"no{number}", "999", "1", at(1))), LANDED)
        ignored += 1
    firm.put("README.md", b"hello", LANDED)
    firm.put("unknown/x.ndjson", b"{}", LANDED)
    firm.put(".staging/x.ndjson", b"{}", LANDED)
    ignored += 2
    names = [
        "line\nbreak.ndjson",
        "'; DROP TABLE fills; --.ndjson",
        "<script>.ndjson",
        "n" * 248 + ".ndjson",
        "folder.ndjson/deep.ndjson",
        "\udcff\udcfe.ndjson",
        "\u202egnp.ndjson",
        "%2e%2e%2fx.ndjson",
    ]
    for number, name in enumerate(names):
        firm.put(f"fills/{name}", ndjson(fill(f"f{number}", "1", "1", at(2))), LANDED)
    firm.run()

    assert firm.position() == (len(names), -len(names))
    assert firm.reasons() == ["file_ignored"] * ignored
    paths = firm.table("landed_files").filter(cycle=2)["path"].to_list()
    assert len(paths) == ignored + len(names)
    assert "fills/\\xff\\xfe.ndjson" in paths
    # Said once, in this process or the next.
    assert firm.cycle() is None
    firm.restart()
    assert firm.cycle() is None
    firm.check_nothing_lost()


def test_a_link_that_becomes_a_file_is_read(firm: Firm):
    path = firm.landing / "fills/f.ndjson"
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/etc/passwd")
    firm.run()
    path.unlink()
    firm.put("fills/f.ndjson", ndjson(GOOD), LANDED)
    firm.run()

    assert firm.position() == (3, -30)


def test_folders_deeper_than_python_calls(firm: Firm):
    deep = firm.landing / "fills"
    here = os.open(deep.parent, os.O_RDONLY)
    try:
        folder = os.open(deep.parent / "prices", os.O_RDONLY)
        for _ in range(2_500):
            os.mkdir("d", dir_fd=folder)
            inner = os.open("d", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = inner
        os.close(folder)
        firm.put("fills/good.ndjson", ndjson(GOOD), LANDED)
        firm.run()
    finally:
        os.close(here)
        _remove_deep(firm.landing / "prices")

    assert firm.position() == (3, -30)
    assert firm.reasons() == ["file_ignored"]


def _remove_deep(root: Path) -> None:
    """What shutil would need as many calls for."""
    top = os.open(root, os.O_RDONLY)
    while True:
        try:
            inner = os.open("d", os.O_RDONLY, dir_fd=top)
        except FileNotFoundError:
            break
        try:
            os.rename("d/d", "e", src_dir_fd=top, dst_dir_fd=top)
        except FileNotFoundError:
            os.close(inner)
            os.rmdir("d", dir_fd=top)
            break
        os.close(inner)
        os.rmdir("d", dir_fd=top)
        os.rename("e", "d", src_dir_fd=top, dst_dir_fd=top)
    os.close(top)


def test_what_may_not_be_read_is_said_once(firm: Firm, monkeypatch: pytest.MonkeyPatch):
    # As root every folder may be read, so the system's answer is put in its place.
    firm.put("fills/locked/inside.ndjson", ndjson(GOOD), LANDED)
    firm.put("fills/secret.ndjson", ndjson(GOOD), LANDED)
    firm.put("fills/open.ndjson", ndjson(fill("f1", "1", "1", at(1))), LANDED)
    scan, opened = os.scandir, os.open

    def refuse(real: Callable[..., Any], word: str) -> Callable[..., Any]:
        def attempt(place: object, *more: Any, **named: Any) -> Any:
            if str(place).endswith(word):
                raise PermissionError(13, "Permission denied", place)
            return real(place, *more, **named)

        return attempt

    monkeypatch.setattr(os, "scandir", refuse(scan, "locked"))
    monkeypatch.setattr(os, "open", refuse(opened, "secret.ndjson"))
    firm.run()

    assert firm.position() == (1, -1)
    assert firm.rows("quarantine", "path", "reasons", "detail") == [
        ("fills/locked/", "file_ignored", "cannot be read: Permission denied"),
        ("fills/secret.ndjson", "file_ignored", "cannot be read: Permission denied"),
    ]
    assert firm.cycle() is None
    monkeypatch.undo()
    firm.run()
    assert firm.position() == (4, -31)


def test_files_that_vanish_before_they_are_read_make_no_cycle(firm: Firm):
    class Vanishing(LocalLanding):
        def open(self, entry: Pending) -> BinaryIO:
            raise FileNotFoundError(entry.place)

    firm.land(fills=[GOOD])
    assert firm.session.cycle(Vanishing(firm.landing)) is None
    assert len(firm.hashes()) == 1
    firm.run()
    assert firm.position() == (3, -30)


@pytest.mark.parametrize("seconds", [-(2**33), 2**40])
def test_modification_times_that_no_calendar_holds(firm: Firm, seconds: int):
    path = firm.put("prices/p.ndjson", ndjson(price("X", "5", at(1))), LANDED)
    # Few file systems keep such a time: the answer is put in its place.
    real = Path(path).stat()

    class Told:
        st_mtime_ns, st_mode, st_size = seconds * 10**9, real.st_mode, real.st_size

    entry = landing._pending("prices/p.ndjson", str(path), Told)
    assert entry.landed_at.year == (1970 if seconds < 0 else 9999)


# Amounts


def test_totals_beyond_every_integer_have_a_name_and_come_back_exactly(firm: Firm):
    most = [fill(f"f{n}", "1000000000", "10000000", at(1)) for n in range(1, 31)]
    firm.run(
        fills=[fill("f0", "1000", "10000000", at(1)), *most], prices=[price("X", "10000000", at(1))]
    )

    # 30 x 1e9 x 1e7 = 3e17 USD = 3e19 cents; an int64 ends at 9.2e18.
    assert firm.position() == (Decimal("30000001000"), Decimal("-300000010000000000"))
    row = firm.table("margin_summary").row(0, named=True)
    assert (row["status"], row["reasons"]) == ("indeterminate", "beyond_range;beta_missing")
    # Nothing can be added up: it owes all there is, and is called at once.
    owed = Decimal("30000000000000000.00")
    assert (row["equity"], row["governing_requirement"]) == (Decimal("0.01"), owed)
    assert firm.rows("enforcement_state", "margin_status") == [("call",)]

    firm.restart()
    before = firm.state()
    firm.run(fills=[fill(f"b{n}", "0", "1", at(2), corrects=f"f{n}") for n in range(1, 31)])
    assert before != firm.state()
    assert firm.position() == (1000, Decimal("-1e10"))
    row = firm.table("margin_summary").row(0, named=True)
    assert row["status"] == "determinate"
    # Bought with borrowed money: all of the requirement, a quarter, is wanting.
    assert (row["equity"], row["excess"]) == (0, Decimal("-2.5e9"))
    firm.check_nothing_lost()


def test_quantities_beyond_every_integer(firm: Firm):
    # 9,500 x 1e9 x 1e6 = 9.5e18 micro-units; an int64 ends at 9.2e18.
    kinds = {f"{sign}{kind}": kind for sign in ("", "-") for kind in ACCOUNT_TYPES}
    fills = [
        fill(f"{who} {n}", f"{who[: -len(kind)]}1000000000", "0.000001", at(1), account_id=who)
        for who, kind in kinds.items()
        for n in range(9_500)
    ]
    firm.run(
        fills=fills,
        accounts=[account(who, kind, at(1)) for who, kind in kinds.items()],
        betas=[beta("X", "20", "2020-01-01")],
    )
    firm.restart()
    one = [("-1" if who[0] == "-" else "1", who) for who in kinds]
    firm.run(fills=[fill(f"{who} one", more, "1", at(2), account_id=who) for more, who in one])

    expected = {who: Decimal("9500000000001") * int(more) for more, who in one}
    assert dict(firm.rows("positions", "account_id", "quantity")) == expected
    reasons = dict(firm.rows("margin_summary", "account_id", "reasons"))
    assert all("beyond_range" in reasons[who] for who in kinds)
    firm.run(instruments=[instrument("X", at(3), class_group="Z", marginable=False)])
    assert dict(firm.rows("positions", "account_id", "quantity")) == expected


def test_many_positions_of_the_largest_value_have_a_name(firm: Firm):
    # 25 x 1e9 x 1e7 = 2.5e19 cents at 100%, each of them exact: the sum is beyond an int64.
    names = [f"S{n}" for n in range(25)]
    firm.run(
        fills=[fill(name, "-1000000000", "10000000", at(1), symbol=name) for name in names],
        prices=[price(name, "10000000", at(1)) for name in names],
    )

    owed = Decimal("30000000000000000.00")
    assert firm.rows("margin_summary", "status", "governing_requirement") == [
        ("indeterminate", owed)
    ]
    assert firm.rows("special_memorandum_accounts", "regulation_t_requirement") == [(owed,)]


def test_cash_of_one_account_beyond_range_leaves_the_others_alone(firm: Firm):
    fills = [
        fill(f"{a}{n}", "-1000000000", "10000000", at(1), account_id="A", symbol=a)
        for a in ("P", "Q")
        for n in range(12)
    ]
    firm.run(
        fills=[*fills, fill("b", "1", "100", at(1), account_id="B")],
        accounts=[account("B", when=at(1))],
        cash_movements=[cash("m", "B", "1000", at(1))],
    )

    rows = firm.rows("margin_summary", "account_id", "cash", "excess")
    owing = Decimal("0.01") - Decimal("30000000000000000.00")
    assert rows == [("A", Decimal("2.4e17"), owing), ("B", 900, 975)]
    risk = firm.table("firm_risk").filter(cycle=2, move=0.0)
    assert risk["equity"].to_list() == [Decimal("1000.01")]


# Numbers of files


def test_two_thousand_tiny_files(firm: Firm):
    for number in range(2_000):
        row = fill(f"f{number}", "1", "1", at(1 + number % 7))
        firm.put(f"fills/{number:05d}.ndjson", ndjson(row), LANDED)
    firm.run()

    assert firm.position() == (2_000, -2_000)
    assert firm.cycle() is None
    firm.check_nothing_lost()


def test_two_files_of_the_same_bytes_in_different_feeds(firm: Firm):
    # One row that both feeds understand.
    both = GOOD | cash("m1", "A", "7", at(1)) | {"source": "x"}
    for feed in ("fills", "cash_movements", "prices"):
        firm.put(f"{feed}/same.ndjson", ndjson(both), LANDED)
    firm.run()

    assert firm.position() == (3, -23)
    assert firm.rows("positions", "price") == [(10,)]
    # Both a price and an instrument put their rows in landing order when a process begins.
    firm.restart()
    assert firm.cycle() is None
    firm.run(cash_movements=[cash("m2", "A", "1", at(2))])
    assert firm.position() == (3, -22)


def test_unknown_accounts_and_symbols_are_data(firm: Firm):
    names = ["'; DROP TABLE accounts; --", "../../etc/passwd", "<img src=x>", "${HOME}", "a" * 128]
    firm.run(
        fills=[fill(f"f{n}", "1", "1", at(1), account_id=name) for n, name in enumerate(names)]
        + [fill("s", "1", "1", at(1), symbol="%s'\"\\")]
    )

    firm.restart()
    found = firm.table("margin_summary").filter(pl.col("account_id") != "A")
    assert found["account_id"].sort().to_list() == sorted(names)
    assert set(found["status"]) == {"indeterminate"}


def test_the_landing_folder_may_not_be_there(tmp_path: Path):
    made = Firm(tmp_path)
    assert made.session.cycle(LocalLanding(tmp_path / "nowhere")) is None


def test_a_future_price_does_not_move_the_grid(firm: Firm):
    firm.put("prices/p.ndjson", ndjson(price("X", "1", at(days=300))), NOON)
    result = firm.run()

    assert firm.reasons() == ["event_time_in_future"]
    assert result.sealed.as_of == datetime(2020, 3, 9, 16, 0, tzinfo=UTC)
