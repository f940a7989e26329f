"""A declared table made where there is none, by one process of several that try."""

from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import DeltaError

from margin_assets.lake.objects.access import Access
from margin_assets.lake.store import declared
from margin_assets.lake.store.held import HeldTable

# Retried, a create that lost its race would land on top and take the constraints away again.
_FIRST_OR_NOT_AT_ALL = CommitProperties(max_commit_retries=0)


def has_table(name: str, held: HeldTable, access: Access) -> bool:
    """Whether a table is there: of a lake made before it was declared it may not be."""
    return access.keep(
        f"looking for {name}", lambda: DeltaTable.is_deltatable(held.uri, access.delta())
    )


def created(name: str, held: HeldTable, access: Access) -> bool:
    """Makes a table unless it is there, and the constraints it lacks; whether it was made here."""
    is_new = not has_table(name, held, access) and _is_first_to_create(name, held, access)
    _constrain(name, held)
    return is_new


def _is_first_to_create(name: str, held: HeldTable, access: Access) -> bool:
    try:
        DeltaTable.create(
            held.uri,
            schema=declared.stored_schema(name),
            name=name,
            description=declared.table_of(name).grain,
            partition_by=declared.partition_columns(name),
            configuration=declared.configuration(name),
            storage_options=access.delta(),
            commit_properties=_FIRST_OR_NOT_AT_ALL,
        )
    except DeltaError:
        if has_table(name, held, access):
            return False
        raise
    return True


def _constrain(name: str, held: HeldTable) -> None:
    # A second commit, since delta-rs refuses constraints among the properties of a create.
    # One that fails may have lost to a process that did the same: then nothing is missing.
    handle = held.open()
    while missing := missing_constraints(name, handle):
        try:
            handle.alter.add_constraint(missing, commit_properties=_FIRST_OR_NOT_AT_ALL)
        except DeltaError:
            handle = held.open()
            if missing_constraints(name, handle) == missing:
                raise


def missing_constraints(name: str, handle: DeltaTable) -> dict[str, str]:
    """Constraints that a table is declared to have and lacks."""
    known = handle.metadata().configuration
    return {
        constraint: check
        for constraint, check in declared.constraints(name).items()
        if f"delta.constraints.{constraint}" not in known
    }
