"""What BI tools ask before they ask SQL: catalogs, schemas, tables, keys and capabilities."""

import re
from collections.abc import Iterable
from importlib.metadata import version

import dataframely as dy
import polars as pl
import pyarrow as pa
from google.protobuf.message import Message

from margin_assets.lake.sql.sql_catalog import CATALOG, DB_SCHEMA, sql_schemas
from margin_assets.serving.worker import plain

TABLE = "TABLE"
_TEXT, _NUMBER = pa.string(), pa.int32()
_KEY_SIDES = [
    (f"{side}_{name}", is_named)
    for side in ("pk", "fk")
    for name, is_named in (
        ("catalog_name", False),
        ("db_schema_name", False),
        ("table_name", True),
        ("column_name", True),
    )
]
_FOREIGN_KEYS = pa.schema(
    [
        *(pa.field(name, _TEXT, nullable=not is_named) for name, is_named in _KEY_SIDES),
        pa.field("key_sequence", _NUMBER, nullable=False),
        pa.field("fk_key_name", _TEXT),
        pa.field("pk_key_name", _TEXT),
        pa.field("update_rule", pa.uint8(), nullable=False),
        pa.field("delete_rule", pa.uint8(), nullable=False),
    ]
)
_PLACE = [pa.field("catalog_name", _TEXT), pa.field("db_schema_name", _TEXT)]
_SCHEMAS: dict[str, pa.Schema] = {
    "CommandGetCatalogs": pa.schema([pa.field("catalog_name", _TEXT, nullable=False)]),
    "CommandGetDbSchemas": pa.schema(
        [_PLACE[0], pa.field("db_schema_name", _TEXT, nullable=False)]
    ),
    "CommandGetTables": pa.schema(
        [
            *_PLACE,
            pa.field("table_name", _TEXT, nullable=False),
            pa.field("table_type", _TEXT, nullable=False),
        ]
    ),
    "CommandGetTableTypes": pa.schema([pa.field("table_type", _TEXT, nullable=False)]),
    "CommandGetPrimaryKeys": pa.schema(
        [
            *_PLACE,
            pa.field("table_name", _TEXT, nullable=False),
            pa.field("column_name", _TEXT, nullable=False),
            pa.field("key_name", _TEXT),
            pa.field("key_sequence", _NUMBER, nullable=False),
        ]
    ),
    "CommandGetExportedKeys": _FOREIGN_KEYS,
    "CommandGetImportedKeys": _FOREIGN_KEYS,
    "CommandGetCrossReference": _FOREIGN_KEYS,
}
COMMANDS = frozenset({*_SCHEMAS, "CommandGetSqlInfo"})


def catalog(command: str, asked: Message) -> pa.Table:
    """The answer to one of `COMMANDS`, as the protocol lays it out, sorted by name."""
    if command == "CommandGetSqlInfo":
        return _capabilities(set(asked.info))
    schema = _SCHEMAS[command]
    if command == "CommandGetTables" and asked.include_schema:
        schema = schema.append(pa.field("table_schema", pa.binary(), nullable=False))
    rows = list(_ROWS.get(command, _nothing)(asked))
    columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
    arrays = [
        pa.array(list(column), type=field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


Rows = Iterable[tuple[object, ...]]


def _nothing(_: Message) -> Rows:
    """No table names another's key: rows of history stand when what they name is superseded."""
    return []


def _catalogs(_: Message) -> Rows:
    return [(CATALOG,)]


def _db_schemas(asked: Message) -> Rows:
    return [(CATALOG, DB_SCHEMA)] if _is_here(asked) else []


def _table_types(_: Message) -> Rows:
    return [(TABLE,)]


def _tables(asked: Message) -> Rows:
    if not _is_here(asked) or (asked.table_types and TABLE not in asked.table_types):
        return
    for name, schema in sql_schemas().items():
        if _is_like(asked, "table_name_filter_pattern", name):
            row = (CATALOG, DB_SCHEMA, name, TABLE)
            yield (
                (*row, columns_of(schema).serialize().to_pybytes()) if asked.include_schema else row
            )


def _primary_keys(asked: Message) -> Rows:
    for name, schema in sql_schemas().items():
        if name == asked.table.lower():
            for place, column in enumerate(schema.primary_key(), 1):
                yield CATALOG, DB_SCHEMA, name, column, None, place


_ROWS = {
    "CommandGetCatalogs": _catalogs,
    "CommandGetDbSchemas": _db_schemas,
    "CommandGetTables": _tables,
    "CommandGetTableTypes": _table_types,
    "CommandGetPrimaryKeys": _primary_keys,
}


def columns_of(declaration: type[dy.Schema]) -> pa.Schema:
    """Columns of a table or view as answers have them."""
    empty = pl.DataFrame(schema=pl.Schema(declaration))
    columns = declaration.columns()
    typed = plain(empty.to_arrow().schema)
    return pa.schema([field.with_nullable(columns[field.name].nullable) for field in typed])


def _is_here(asked: Message) -> bool:
    named = not asked.HasField("catalog") or asked.catalog == CATALOG
    return named and _is_like(asked, "db_schema_filter_pattern", DB_SCHEMA)


def _is_like(asked: Message, field: str, name: str) -> bool:
    """Whether a name fits a pattern of the question, % for any text and _ for any character."""
    if not asked.HasField(field):
        return True
    parts = {"%": ".*", "_": "."}
    pattern = "".join(parts.get(letter, re.escape(letter)) for letter in getattr(asked, field))
    return re.fullmatch(pattern, name, re.IGNORECASE | re.DOTALL) is not None


# Numbers of the protocol's enum SqlInfo.
_INFO: dict[int, str | bool | int] = {
    0: "Margin Lakehouse",
    1: version("margin-lakehouse"),
    2: pa.__version__,
    3: True,  # read-only
    4: True,  # SQL
    5: False,  # Substrait
    8: 0,  # no transactions
    9: False,  # no cancel action: who hangs up has cancelled
    100: 0,  # statement timeout is the server's
    503: 1,  # identifiers are case-insensitive
    504: '"',
    505: 1,
}
_VALUES = [
    ("string_value", pa.string()),
    ("bool_value", pa.bool_()),
    ("bigint_value", pa.int64()),
    ("int32_bitmask", pa.int32()),
    ("string_list", pa.list_(pa.string())),
    ("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
]
_NUMBERS, _WORDS, _FLAGS = 3, 0, 1


def _capabilities(wanted: set[int]) -> pa.Table:
    chosen = {number: v for number, v in _INFO.items() if not wanted or number in wanted}
    found: list[list[object]] = [[] for _ in _VALUES]
    kinds, offsets = [], []
    for value in chosen.values():
        kind = _FLAGS if isinstance(value, bool) else _WORDS if isinstance(value, str) else _NUMBERS
        kinds.append(kind)
        offsets.append(len(found[kind]))
        found[kind].append(value)
    values = pa.UnionArray.from_dense(
        pa.array(kinds, pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(part, kind) for part, (_, kind) in zip(found, _VALUES, strict=True)],
        [name for name, _ in _VALUES],
    )
    fields = [
        pa.field("info_name", pa.uint32(), nullable=False),
        pa.field("value", values.type, nullable=False),
    ]
    return pa.table([pa.array(list(chosen), pa.uint32()), values], schema=pa.schema(fields))
