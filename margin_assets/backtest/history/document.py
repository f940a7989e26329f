"""The document of a history: its files, their formats, and what is known that they do not say."""

import tomllib
from collections.abc import Callable
from datetime import date
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from margin_assets.backtest.faults import BacktestError

_KNOWN = "margin_assets.backtest.history"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HistoryFile(_Part):
    """One file: a path beside the document, or `package:path` of an installed package."""

    path: str
    kind: Literal["closes", "wide_closes", "actions", "factors", "yields", "bars", "option_quotes"]
    column: str | None = None
    """Of yields: the column of the rate, per cent."""
    minutes: Annotated[int, Field(ge=1, le=390)] = 60
    """Of bars: how long each is."""
    symbol: str | None = None
    """Of option quotes without a column `underlying`: what all are written on."""
    day: date | None = None
    """Of option quotes without a column `date`: the day of all."""
    multiplier: Annotated[int, Field(ge=1, le=10**6)] = 100
    """Of option quotes: units that a contract delivers."""
    style: Literal["american", "european"] = "american"


class Cut(_Part):
    """From a day on the ticker is another security; or, `worth` given, its holders got that."""

    symbol: str
    last: date
    reason: str
    source: str
    worth: Annotated[float, Field(ge=0)] | None = None
    """USD a share that holders got; left out, the last close."""


class Name(_Part):
    """Terms of a symbol; what has no entry is a listed, marginable stock by itself."""

    symbol: str
    asset_class: str = "equity"
    class_group: str | None = None


class Document(_Part):
    """A history as it is described."""

    name: str
    title: str
    source: str
    benchmark: str
    adjusted: bool = False
    """Whether the closes have splits and dividends in them already."""
    survivors: bool = False
    """Whether the names were chosen knowing that they lived."""
    extra: str | None = None
    """The optional extra that installs the package that bundles the files."""
    file: tuple[HistoryFile, ...]
    cut: tuple[Cut, ...] = ()
    names: tuple[Name, ...] = ()

    def class_of(self, symbol: str) -> str:
        """Asset class of a ticker: a stock, unless the document says otherwise."""
        return next((name.asset_class for name in self.names if name.symbol == symbol), "equity")

    def group_of(self, symbol: str) -> str | None:
        """Class group of a ticker that is not one by itself."""
        return next((name.class_group for name in self.names if name.symbol == symbol), None)


class Described(BaseModel):
    """A document, and where the files that it names lie."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    document: Document
    folder: Path

    def place(self, file: HistoryFile) -> Path:
        """Where a file lies.

        Raises:
            BacktestError: It is not there; how it would come is told.
        """
        package, is_bundled, inside = file.path.partition(":")
        found = _of_package(package, self.document) / inside if is_bundled else self._beside(file)
        if not found.is_file():
            raise BacktestError(f"history {self.document.name}: no file {found}")
        return found

    def _beside(self, file: HistoryFile) -> Path:
        return self.folder / file.path


def _of_package(package: str, document: Document) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        extra = f": in the checkout, pip install -e '.[{document.extra}]'" if document.extra else ""
        raise BacktestError(f"history {document.name} is bundled with package {package}{extra}")
    # Found, not imported: the package's own imports are of no use here, and slow.
    return Path(next(iter(spec.submodule_search_locations)))


def known_histories() -> tuple[str, ...]:
    """Names of the histories that are described already."""
    entries = files(_KNOWN).joinpath("known").iterdir()
    return tuple(sorted(entry.name[:-5] for entry in entries if entry.name.endswith(".toml")))


def described(name: str, data: Path | None = None) -> Described:
    """The history of a known name, of a TOML document, or of a folder in the general format.

    Args:
        name: A known name or a path.
        data: Folder of the files; left out, that of the document.

    Raises:
        BacktestError: There is none, or the document is none.
    """
    if name in known_histories():
        text = files(_KNOWN).joinpath("known", f"{name}.toml").read_text("utf-8")
        return Described(document=_parsed(name, text), folder=data or Path())
    path = Path(name)
    if path.is_dir():
        path = path / "history.toml"
    if not path.is_file():
        known = ", ".join(known_histories())
        raise BacktestError(f"no history {name!r}: known are {known}; else a folder or a document")
    return Described(document=_parsed(name, path.read_text("utf-8")), folder=data or path.parent)


def _parsed(name: str, text: str) -> Document:
    parse: Callable[[str], object] = tomllib.loads
    try:
        return Document.model_validate(parse(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BacktestError(f"history {name}: {where}: {first['msg']}") from None
    except ValueError as error:
        raise BacktestError(f"history {name}: {error}") from None
