"""The messages of Arrow Flight SQL that the endpoint reads and writes.

Declared by field number as the protocol has them; no package publishes them for Python.

Source: Apache Arrow, format/FlightSql.proto.
"""

from typing import Any

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

PACKAGE = "arrow.flight.protocol.sql"
_PREFIX = f"type.googleapis.com/{PACKAGE}."
_TYPES = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
}
_KEYS = ("optional string catalog", "optional string db_schema", "string table")
# Fields in the order of their numbers, from 1.
_FIELDS: dict[str, tuple[str, ...]] = {
    "CommandGetSqlInfo": ("repeated uint32 info",),
    "CommandGetXdbcTypeInfo": ("optional int32 data_type",),
    "CommandGetCatalogs": (),
    "CommandGetDbSchemas": ("optional string catalog", "optional string db_schema_filter_pattern"),
    "CommandGetTables": (
        "optional string catalog",
        "optional string db_schema_filter_pattern",
        "optional string table_name_filter_pattern",
        "repeated string table_types",
        "bool include_schema",
    ),
    "CommandGetTableTypes": (),
    "CommandGetPrimaryKeys": _KEYS,
    "CommandGetExportedKeys": _KEYS,
    "CommandGetImportedKeys": _KEYS,
    "CommandGetCrossReference": (
        "optional string pk_catalog",
        "optional string pk_db_schema",
        "string pk_table",
        "optional string fk_catalog",
        "optional string fk_db_schema",
        "string fk_table",
    ),
    "CommandStatementQuery": ("string query", "optional bytes transaction_id"),
    "CommandPreparedStatementQuery": ("bytes prepared_statement_handle",),
    "TicketStatementQuery": ("bytes statement_handle",),
    "ActionCreatePreparedStatementRequest": ("string query", "optional bytes transaction_id"),
    "ActionCreatePreparedStatementResult": (
        "bytes prepared_statement_handle",
        "bytes dataset_schema",
        "bytes parameter_schema",
    ),
    "ActionClosePreparedStatementRequest": ("bytes prepared_statement_handle",),
}


def _field(number: int, text: str, names: list[str]) -> FieldDescriptorProto:
    *label, kind, name = text.split()
    field = FieldDescriptorProto(name=name, number=number, type=_TYPES[kind])
    field.label = FieldDescriptorProto.LABEL_OPTIONAL
    if label == ["repeated"]:
        field.label = FieldDescriptorProto.LABEL_REPEATED
    elif label == ["optional"]:
        # Presence in proto3 is a group of one field.
        field.proto3_optional, field.oneof_index = True, len(names)
        names.append(f"_{name}")
    return field


def _declared() -> dict[str, type[Message]]:
    file = FileDescriptorProto(name="flight_sql.proto", package=PACKAGE, syntax="proto3")
    for name, texts in _FIELDS.items():
        message = file.message_type.add(name=name)
        groups: list[str] = []
        message.field.extend(_field(n, text, groups) for n, text in enumerate(texts, 1))
        for group in groups:
            message.oneof_decl.add(name=group)
    pool = DescriptorPool()
    pool.Add(file)
    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in _FIELDS
    }


_CLASSES = _declared()


def packed(name: str, **fields: Any) -> bytes:  # noqa: ANN401 (whatever the fields hold)
    """A message by its name, wrapped as the protocol wraps commands, tickets and results."""
    wrapped = Packed(type_url=_PREFIX + name, value=_CLASSES[name](**fields).SerializeToString())
    data: bytes = wrapped.SerializeToString()
    return data


def unpacked(data: bytes) -> tuple[str, Any]:
    """Name and content of a wrapped message.

    Raises:
        ValueError: It is no message that the endpoint knows; one line says which.
    """
    wrapped = Packed()
    try:
        wrapped.ParseFromString(data)
        name = wrapped.type_url.removeprefix(_PREFIX)
        if name not in _CLASSES:
            raise ValueError(f"not served: {name.rpartition('.')[2] or 'an empty command'}")
        message = _CLASSES[name]()
        message.ParseFromString(wrapped.value)
    except DecodeError as error:
        raise ValueError("not a message of Flight SQL") from error
    return name, message
