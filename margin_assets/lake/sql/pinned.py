"""Which versions a question reads: those that one sealed cycle left, and no others."""

from deltalake.exceptions import DeltaError

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.objects.patience import StoreUnavailable
from margin_assets.lake.sql.sql import SqlFailed
from margin_assets.lake.store.store import Lake


class CycleGone(ValueError):
    """The cycle asked about was sealed, and its files have been cleaned up since."""


def told(error: Exception, lake: Lake, statement: str, sealed: Sealed | None) -> Exception:
    """Why a question failed, as a refusal of one line."""
    failed = error if isinstance(error, SqlFailed) else SqlFailed.of(error)
    try:
        lake.access.refuse_trouble(failed.__cause__ or error)
    except StoreUnavailable as trouble:
        return trouble
    if sealed is None:
        return failed
    lost = _unreadable(lake, statement, sealed)
    if lost or ".parquet" in str(failed):
        return CycleGone(
            f"cycle {sealed.cycle} is no longer readable{lost}: its files are gone; "
            f"`margin sql --cycle {sealed.cycle}` computes it again"
        )
    return failed


def _unreadable(lake: Lake, statement: str, sealed: Sealed) -> str:
    """Which table that the statement names has lost its version, if one has."""
    for name, version in sealed.table_versions.items():
        if name in statement.lower():
            try:
                lake.held(name).open(version)
            except (DeltaError, OSError):
                return f" in {name}, version {version}"
    return ""


def cycle_of(lake: Lake, number: int | None) -> Sealed | None:
    """A sealed cycle by its number, or the newest; None where none is sealed and none is named.

    Raises:
        LookupError: It is not sealed.
    """
    ledger = Ledger(lake)
    return ledger.last_sealed() if number is None else ledger.sealed(number)
