"""Spreadsheets and foreign CSV through a mapping: exactly, or refused cell by cell."""

from datetime import datetime, time
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import xlsxwriter

from margin_assets.lake.landing.offering.mapped import draft, mapped
from margin_assets.lake.landing.offering.mapping import Mapping, MappingError, parse_mapping

GERMAN = {"separator": ";", "decimal": ",", "thousands": ".", "date": "%d.%m.%Y"}
PRICES = {"symbol": "S", "price": "P", "event_time": "T"}


def rows(path: Path, **mapping: object) -> list[str]:
    return mapped(path, Mapping.model_validate(mapping)).content.decode().splitlines()[1:]


def faults(path: Path, **mapping: object) -> list[str]:
    with pytest.raises(MappingError) as refused:
        mapped(path, Mapping.model_validate(mapping))
    return [line.removeprefix(f"{path}: ") for line in str(refused.value).splitlines()]


def csv(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "theirs.csv"
    path.write_bytes(text.encode(encoding))
    return path


def workbook(folder: Path, *lines: list[object]) -> Path:
    path = folder / "theirs.xlsx"
    book = xlsxwriter.Workbook(path, {"default_date_format": "dd.mm.yyyy hh:mm"})
    sheet = book.add_worksheet("Trades")
    clock = book.add_format({"num_format": "hh:mm:ss"})
    for number, line in enumerate(lines):
        for place, cell in enumerate(line):
            form = clock if isinstance(cell, time) else None
            sheet.write(number, place, cell, *([form] if form else []))
    book.close()
    return path


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        pytest.param("112,50", "112.50", id="a decimal comma"),
        pytest.param("1.112,5", "1112.5", id="thousands apart"),
        pytest.param("1112,5", "1112.5", id="thousands together"),
        pytest.param("+7", "7", id="a plus sign"),
        pytest.param("1.234", "1234", id="a thousand, for the mapping says so"),
        pytest.param("1.5", None, id="a decimal point that the mapping has not"),
        pytest.param("1.23.456", None, id="groups that are none"),
        pytest.param("1,2,3", None, id="two commas"),
        pytest.param("5 %", None, id="a per cent sign"),
        pytest.param("(5)", None, id="brackets"),
    ],
)
def test_numbers_are_read_as_the_mapping_writes_them(
    tmp_path: Path, text: str, becomes: str | None
) -> None:
    path = csv(tmp_path, f'S;P;T\nX;"{text}";2026-03-02T10:00:00Z\n')
    mapping = {"feed": "prices", "file": GERMAN, "columns": PRICES}

    if becomes is None:
        wanted = "is no number with ',' before its decimals and '.' between thousands"
        assert faults(path, **mapping) == [f"row 2: price: {text!r} {wanted}"]
    else:
        assert rows(path, **mapping) == [f"X,{becomes},2026-03-02T10:00:00Z"]


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        pytest.param("02.03.2026 10:00", "2026-03-02T09:00:00Z", id="winter"),
        pytest.param("02.07.2026 10:00", "2026-07-02T08:00:00Z", id="summer"),
        pytest.param("2026-03-02 10:00:00", "2026-03-02T09:00:00Z", id="ISO"),
        pytest.param("2026-03-02T10:00:00+05:00", "2026-03-02T10:00:00+05:00", id="its own offset"),
        pytest.param("25.10.2026 02:30", None, id="the hour that comes twice"),
        pytest.param("29.03.2026 02:30", None, id="the hour that never comes"),
        pytest.param("03/02/2026", None, id="another form"),
    ],
)
def test_times_have_a_zone_or_name_no_instant(
    tmp_path: Path, text: str, becomes: str | None
) -> None:
    path = csv(tmp_path, f"S;P;T\nX;1;{text}\n")
    form = GERMAN | {"time": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}
    mapping = {"feed": "prices", "file": form, "columns": PRICES}

    if becomes is None:
        assert faults(path, **mapping) == [
            f"row 2: event_time: {text!r} is no time as %d.%m.%Y %H:%M in Europe/Berlin"
        ]
    else:
        assert rows(path, **mapping) == [f"X,1,{becomes}"]


def test_without_a_zone_a_time_without_offset_is_refused(tmp_path: Path) -> None:
    path = csv(tmp_path, "symbol,price,event_time\nX,1,2026-03-02 10:00:00\n")

    assert "with an offset" in faults(path, feed="prices")[0]


def test_a_workbook_gives_what_was_entered(tmp_path: Path) -> None:
    day = datetime(2026, 3, 2)  # noqa: DTZ001 (a workbook knows no zones)
    path = workbook(
        tmp_path,
        ["Broker's report"],
        ["Nr", "Papier", "Stück", "Kurs", "Tag", "Zeit"],
        [4711, "XOM", 0.1 + 0.2, 1112.5, day, time(15, 31, 7)],
        [4712, "XOM", -1200, 0.1, day, time(9, 0, 0)],
        [],
        ["A-1", "T 4.25 11/15/34", 1e-06, 101.375, day, time(9, 0, 1)],
    )
    columns = {
        "fill_id": "Nr",
        "symbol": "Papier",
        "quantity": "Stück",
        "price": "Kurs",
        "event_time": ["Tag", "Zeit"],
    }
    # What a screen shows decides nothing: the decimal comma is of texts.
    form = {"header": 2, "sheet": "Trades", "decimal": ",", "zone": "America/New_York"}
    found = mapped(
        path,
        Mapping.model_validate(
            {"feed": "fills", "file": form, "columns": columns, "values": {"account_id": "A"}}
        ),
    )

    assert found.content.decode().splitlines() == [
        "fill_id,account_id,symbol,quantity,price,event_time",
        "4711,A,XOM,0.3,1112.5,2026-03-02T20:31:07Z",
        "4712,A,XOM,-1200,0.1,2026-03-02T14:00:00Z",
        "A-1,A,T 4.25 11/15/34,1e-06,101.375,2026-03-02T14:00:01Z",
    ]
    assert found.rows == [3, 4, 6]


def test_a_column_of_numbers_and_texts_is_refused(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        ["symbol", "price", "event_time"],
        ["X", 101.375, "2026-03-02T10:00:00Z"],
        ["Y", "1.234,5", "2026-03-02T10:00:00Z"],
    )
    form = {"decimal": ",", "thousands": "."}

    assert faults(path, feed="prices", file=form) == [
        "price: column 'price' holds numbers and texts: give its cells one format"
    ]


def test_a_sign_is_told_by_a_word_and_by_no_other(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "symbol,fill_id,account_id,quantity,price,event_time,Side\n"
        "X,1,A,5,1,2026-03-02T10:00:00Z,SELL\n"
        "X,2,A,5,1,2026-03-02T10:00:00Z,BUY\n"
        "X,3,A,5,1,2026-03-02T10:00:00Z,SHORT\n"
        "X,4,A,-5,1,2026-03-02T10:00:00Z,SELL\n",
    )
    sign = {"quantity": {"column": "Side", "positive": ["BUY"], "negative": ["SELL"]}}

    assert [line.partition(": ")[0] for line in faults(path, feed="fills", sign=sign)] == [
        "row 4",
        "row 5",
    ]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    assert [line.split(",")[3] for line in rows(path, feed="fills", sign=sign)] == ["-5", "5"]


def test_what_is_not_there_is_named_with_what_is_near(tmp_path: Path) -> None:
    path = csv(tmp_path, "symbol,Price (USD),event_time\nX,1,2026-03-02T10:00:00Z\n")

    assert faults(path, feed="prices", columns={"price": "Price USD"}) == [
        "columns.price: no column 'Price USD': did you mean 'Price (USD)'?"
    ]
    assert faults(path, feed="prices") == [
        "prices needs price; the file has symbol, Price (USD), event_time"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param('feed = "fill"', "feed: 'fill' is no feed: did you mean 'fills'?", id="feed"),
        pytest.param(
            'feed = "fills"\n[colums]\n', "colums: unknown key: did you mean 'columns'?", id="table"
        ),
        pytest.param(
            'feed = "fills"\n[file]\nseperator = ";"',
            "file.seperator: unknown key: did you mean 'separator'?",
            id="key",
        ),
        pytest.param(
            'feed = "fills"\n[columns]\nqty = "Q"',
            "columns.qty: fills has no such column",
            id="column",
        ),
        pytest.param(
            'feed = "fills"\n[file]\nzone = "Berlin"',
            "file.zone: 'Berlin' is no time zone, such as Europe/Berlin",
            id="zone",
        ),
        pytest.param(
            'feed = "fills"\n[file]\nthousands = "."',
            "file: '.' is both the decimal and the thousands sign",
            id="signs",
        ),
        pytest.param("feed = ", "Invalid value (at end of document)", id="no TOML"),
    ],
)
def test_a_mapping_is_refused_by_its_key(text: str, told: str) -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping(text, "m.toml")

    assert str(refused.value) == f"m.toml: {told}"


def test_all_faults_of_a_mapping_are_told_at_once() -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping('feed = "fill"\n[file]\nheader = 0\nzone = "x"', "m.toml")

    assert len(str(refused.value).splitlines()) == 3


def test_a_draft_has_their_columns_and_is_a_mapping(tmp_path: Path) -> None:
    path = csv(tmp_path, "Account ID;Symbol;Kurs\nA;X;1\n")
    begun = Mapping.model_validate({"feed": "fills", "file": {"separator": ";"}})

    made = draft(path, begun)

    assert 'account_id = "Account ID"' in made
    assert '# price = ""  # required' in made
    assert 'separator = ";"' in made.splitlines()
    assert parse_mapping(made, "m.toml").file == begun.file
    assert parse_mapping(made, "m.toml").columns == {
        "account_id": "Account ID",
        "symbol": "Symbol",
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"S;P\nX;1;2\n", "row 2 has 3 fields, the header 2", id="fields"),
        pytest.param(b"S;S\nX;1\n", "two columns are called 'S'", id="twice"),
        pytest.param("S;ü\n".encode("latin-1"), "not utf-8 at byte 3", id="encoding"),
        pytest.param(b"", "no row of column names", id="empty"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "theirs.csv"
    path.write_bytes(content)

    assert told in faults(path, feed="prices", file={"separator": ";"})[0]


def test_a_draft_of_a_workbook_names_its_sheets(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name in ("Konten", "Umsätze"):
            book.add_worksheet(name).write_row(0, 0, [f"{name} Nr"])
    second = Mapping.model_validate({"feed": "fills", "file": {"sheet": "Umsätze"}})

    first, chosen = (draft(path, begun) for begun in (Mapping(feed="fills"), second))

    assert "Konten, Umsätze" in first
    assert "Konten, Umsätze" in chosen
    assert "#   Konten Nr" in first.splitlines()
    assert "#   Umsätze Nr" in chosen.splitlines()


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.xlsx"
    path.write_bytes(b"PK no workbook")

    assert len(faults(path, feed="prices")) == 1


@pytest.mark.parametrize(
    ("text", "encoding", "lines"),
    [
        ("Stück;Kurs\n1;2,5\n", "cp1252", ['separator = ";"', 'encoding = "cp1252"']),
        ("Stück\tKurs\n1\t2,5\n", "utf-8", ['separator = "\t"', '# encoding = "cp1252"']),
        ("Qty,Price\n1,2.5\n", "utf-8", ['# separator = ";"', '# encoding = "cp1252"']),
    ],
)
def test_a_draft_reads_off_the_file_how_it_is_written(
    tmp_path: Path, text: str, encoding: str, lines: list[str]
) -> None:
    path = tmp_path / "trades.csv"
    path.write_bytes(text.encode(encoding))

    made = draft(path, Mapping(feed="fills")).splitlines()

    assert [line for line in made if line in lines] == lines
    assert {"#   Stück", "#   Qty"} & set(made)


def test_a_workbook_that_becomes_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = workbook(tmp_path, ["S", "P"], ["X", 1])
    with ZipFile(path, "a", ZIP_DEFLATED) as parts, parts.open("xl/media/image1.png", "w") as part:
        for _ in range(101):
            part.write(bytes(1_000_000))

    (fault,) = faults(path, feed="prices", columns={"symbol": "S", "price": "P"})

    assert fault.endswith(f"{path.stat().st_size} bytes become {fault.split()[-1]}")
    assert int(fault.split()[-1]) > 101_000_000
