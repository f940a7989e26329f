"""Questions in SQL over the lake, read-only, at pinned versions.

The engine is the DataFusion inside delta-rs. It would also run `COPY ... TO` a file and
`CREATE EXTERNAL TABLE` over one, so a statement is judged before it gets there: by its first
word, which decides what the engine takes it for, and by what a parser finds in it.
"""

import itertools
import logging
import re
from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa
import sqlglot
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError
from sqlglot import exp

from margin_assets.lake.ledger.moment import Moment, is_pinned, is_state
from margin_assets.lake.sql.sql_catalog import (
    INFORMATION,
    add_information_schema,
    no_column,
    not_found,
    sql_names,
    sql_schemas,
)
from margin_assets.lake.sql.sums import BEYOND, with_exact_sums
from margin_assets.lake.sql.views import VIEWS
from margin_assets.lake.store import declared
from margin_assets.lake.store.store import Lake

# Comments that every SQL dialect ends at the same place.
_LEAD = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*[^*/]*\*/)*")
_SHOW_TABLES = re.compile(r"show\s+tables", re.IGNORECASE)
_DESCRIBE = re.compile(r'(?:describe|desc)\s+"?(\w+)"?', re.IGNORECASE)
_EXPLAIN = re.compile(r"\Aexplain\s+(?:analyze\s+)?(?:verbose\s+)?", re.IGNORECASE)
_QUERY = re.compile(r"(?:select|with)\b|\(", re.IGNORECASE)
_FUNCTIONS_AS_TABLES = frozenset({"generate_series", "range", "unnest"})
_UNKNOWN = re.compile(r"table '(?:datafusion\.public\.)?([^']+)' not found")
_NO_COLUMN = re.compile(r'No field named ([\w".]+)\. .*?Valid fields are ([^;]*)\.')
_ALLOWED = "only one SELECT, WITH, EXPLAIN, SHOW TABLES or DESCRIBE is allowed"


class SqlRefused(ValueError):
    """A statement that is not a single question."""


class SqlFailed(ValueError):
    """A question that the engine cannot answer."""

    @classmethod
    def of(cls, error: Exception) -> "SqlFailed":
        """What a library said, on one line."""
        said = _one_line(error)
        if BEYOND in said:
            said = f"a SUM leaves the range of its type (CAST what it sums to DOUBLE), or {said}"
        if unknown := _UNKNOWN.search(said):
            said = not_found(unknown[1])
        if column := _NO_COLUMN.search(said):
            said = no_column(column[1], re.findall(r"[\w\".]+", column[2]))
        return cls(said)


def query(lake: Lake, sql: str, at: Mapping[str, int] | Moment) -> pl.DataFrame:
    """The whole answer of `reader` as a frame."""
    answer = reader(lake, sql, at)
    try:
        return pl.DataFrame(answer.read_all())
    except Exception as error:
        raise SqlFailed.of(error) from error


def reader(lake: Lake, sql: str, at: Mapping[str, int] | Moment) -> pa.RecordBatchReader:
    """Answer one question over every table and daily twin (`daily_<name>`), batch by batch.

    A table is read as of a moment, or at its version in `at`; one that is not there, and every
    daily twin, at its newest. Most of the work is done while the batches are read, and may fail
    there.

    Raises:
        SqlRefused: the statement is not a single question, or asks for more than tables.
        SqlFailed: the engine cannot answer it. Both messages are one line.
    """
    statement = _statement(sql)
    if _SHOW_TABLES.fullmatch(statement):
        return pa.table({"table_name": pa.array(list(sql_schemas()))}).to_reader()
    named = _named_in(statement)
    try:
        return _answer(lake, statement, named, at)
    except Exception as error:
        if isinstance(error, SqlFailed):
            raise
        raise SqlFailed.of(error) from error


def named_tables(sql: str) -> list[str]:
    """Tables of the lake that a question is about.

    Raises:
        SqlRefused, SqlFailed: as `query` does.
    """
    statement = _statement(sql)
    return (
        [] if _SHOW_TABLES.fullmatch(statement) else list(_tables_of(_named_in(statement)).values())
    )


def _statement(sql: str) -> str:
    return sql[_end_of_lead(sql) :].rstrip().removesuffix(";").rstrip()


def _answer(
    lake: Lake, statement: str, named: set[str], at: Mapping[str, int] | Moment
) -> pa.RecordBatchReader:
    builder = QueryBuilder()
    for spelled, name in _tables_of(named).items():
        if not isinstance(at, Moment):
            _register(builder, spelled, name, [lake.held(name).open(at.get(name))])
        elif not is_pinned(name):
            _register(builder, spelled, name, [lake.held(name).open()])
        else:
            last = None if is_state(name) else at.cycle
            holders = at.holders(name)
            _register(builder, spelled, name, [one.handle(name) for one in holders], last)
    for spelled in sorted(named):
        if view := VIEWS.get(spelled.lower()):
            builder.execute(f'CREATE VIEW "{spelled}" AS {view.select}')
    if INFORMATION in statement.lower():
        add_information_schema(builder.execute)
    # As it was asked: for what is wrong with it, and for the names of its columns.
    asked = pa.RecordBatchReader.from_stream(builder.execute(statement))
    for column in asked.schema:
        # Polars has no such type, and ends in a panic.
        if pa.types.is_interval(column.type):
            raise SqlFailed(f"column {column.name} is an interval: cast it to text")
    found = _exact(builder, statement, asked)
    names = _distinct(asked.schema.names)
    if names == found.schema.names:
        return found
    schema = pa.schema([field.with_name(n) for field, n in zip(found.schema, names, strict=True)])
    renamed = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in found)
    return pa.RecordBatchReader.from_batches(schema, renamed)


def _exact(
    builder: QueryBuilder, statement: str, asked: pa.RecordBatchReader
) -> pa.RecordBatchReader:
    """The answer with sums that end in an error where they leave their type."""
    guarded = statement if _EXPLAIN.match(statement) else with_exact_sums(statement)
    if guarded == statement:
        return asked
    try:
        return pa.RecordBatchReader.from_stream(builder.execute(guarded))
    except DeltaError as error:
        # Sums of time spans, which are no numbers, stand as they are: microseconds do not overflow.
        if re.search("Duration|Interval", str(error)):
            return asked
        raise SqlFailed(f"name each SUM, as in SUM(x) AS total: {_one_line(error)}") from error


def _register(
    builder: QueryBuilder,
    spelled: str,
    name: str,
    handles: Sequence[DeltaTable],
    last: int | None = None,
) -> None:
    """Gives the engine a table as a statement spells it: its declared columns, up to a cycle.

    Of several lakes: the rows of all of them.
    """
    if last is None and len(handles) == 1 and not declared.is_sharded(name):
        # Quoted, since the engine would register FILLS as fills and then look for FILLS.
        builder.register(f'"{spelled}"', handles[0])
        return
    columns = ", ".join(declared.schema_of(name).columns())
    upto = "" if last is None else f" WHERE cycle <= {last}"
    parts = []
    for number, handle in enumerate(handles):
        stored = f'"{spelled} as stored {number}"'
        builder.register(stored, handle)
        parts.append(f"SELECT {columns} FROM {stored}{upto}")
    builder.execute(f'CREATE VIEW "{spelled}" AS {" UNION ALL ".join(parts)}')


def _distinct(names: list[str]) -> list[str]:
    """Column names of a join told apart: the second `symbol` becomes `symbol_2`."""
    given: list[str] = []
    for name in names:
        tries = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        given.append(next(word for word in tries if word not in given))
    return given


def _end_of_lead(sql: str) -> int:
    found = _LEAD.match(sql)
    return found.end() if found else 0


def _named_in(statement: str) -> set[str]:
    """What the statement names, as it spells it, once it is known to be a question."""
    described = _DESCRIBE.fullmatch(statement)
    if described:
        return {described[1]}
    question = _EXPLAIN.sub("", statement, count=1)
    if not _QUERY.match(question):
        raise SqlRefused(_ALLOWED)
    tree = _parsed(question)
    for node in tree.walk():
        _refuse(node)
    return {table.name for table in tree.find_all(exp.Table)}


def _tables_of(named: set[str]) -> dict[str, str]:
    """Tables of the lake by how they are spelled: those that are named, and those of views.

    The engine tells upper from lower case; nobody who asks for FILLS means another table.
    """
    names = sql_names()
    behind = {
        n: t
        for word in named
        if word.lower() in VIEWS
        for n, t in VIEWS[word.lower()].names.items()
    }
    return behind | {word: names[word.lower()] for word in sorted(named) if word.lower() in names}


def _parsed(question: str) -> exp.Query:
    # The parser warns of what it skips; what it cannot read is refused below.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        trees = sqlglot.parse(
            question,
        )
    except sqlglot.errors.SqlglotError as error:
        raise SqlFailed.of(error) from error
    except RecursionError as error:
        raise SqlFailed("the statement is nested too deeply") from error
    if len(trees) != 1 or not isinstance(tree := trees[0], exp.Query):
        raise SqlRefused(_ALLOWED)
    return tree


def _refuse(node: exp.Expr) -> None:
    if isinstance(node, exp.DML | exp.DDL | exp.Command | exp.Copy | exp.Into):
        raise SqlRefused(_ALLOWED)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Func):
        name = node.this.name if isinstance(node.this, exp.Anonymous) else node.this.sql_name()
        if name.lower() not in _FUNCTIONS_AS_TABLES:
            raise SqlRefused(f"not a table of the lake: {name}")


def _one_line(error: Exception) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", " ".join(str(error).split()))
