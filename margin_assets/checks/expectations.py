"""Great Expectations suites generated from the schemas, over committed table versions.

Great Expectations costs seconds to import, so this module imports it inside functions only.
"""

import os
import re
import warnings
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import dataframely as dy
import polars as pl

from margin_assets.lake.store import declared
from margin_assets.lake.store.store import Lake
from schemas import TABLES

RESULTS = "validation_results"
TO = " to "
"""Between the first and the last of several business dates."""
_RULE = "obeys: "
_SITE = "lake"


class Target(NamedTuple):
    """One version of a table or daily twin, or a business date (or first to last) of it."""

    table: str
    version: int
    partition: str = ""


class Expectation(NamedTuple):
    """One rule of a schema in the words of Great Expectations."""

    rule: str
    column: str
    kind: str
    arguments: dict[str, Any]


def expectations_of(schema: type[dy.Schema]) -> list[Expectation]:
    """Every rule of a schema, named as dataframely names it.

    A rule that Great Expectations has no words for is the expectation that its column of
    verdicts, which `with_verdicts` adds, is true.
    """
    found = [
        _expectation(name, column, rule)
        for name, column in schema.columns().items()
        for rule in column.validation_rules(pl.col(name))
    ]
    key = schema.primary_key()
    if len(key) == 1:
        found.append(Expectation("primary_key", key[0], "ColumnValuesToBeUnique", {}))
    elif key:
        whole = {"column_list": key, "ignore_row_if": "never"}
        found.append(Expectation("primary_key", "", "CompoundColumnsToBeUnique", whole))
    return found + [_verdict(rule, "") for rule in _row_rules(schema)]


def _expectation(name: str, column: dy.Column, rule: str) -> Expectation:
    label, limit = f"{name}|{rule}", getattr(column, rule, None)
    if rule == "nullability":
        return Expectation(label, name, "ColumnValuesToNotBeNull", {})
    if rule == "regex" and column.metadata and "values" in column.metadata:
        values = {"value_set": column.metadata["values"]}
        return Expectation(label, name, "ColumnValuesToBeInSet", values)
    if rule == "regex":
        # Python's `$` also matches before a line feed at the end.
        pattern = re.sub(r"\$$", r"\\Z", str(limit))
        return Expectation(label, name, "ColumnValuesToMatchRegex", {"regex": pattern})
    if rule in _BETWEEN and not isinstance(column, dy.Float64):
        bound, strict = _BETWEEN[rule]
        between = {bound: float(str(limit))} | ({f"strict_{strict}": True} if strict else {})
        return Expectation(label, name, "ColumnValuesToBeBetween", between)
    return _verdict(label, name)


_BETWEEN = {
    "min": ("min_value", ""),
    "max": ("max_value", ""),
    "min_exclusive": ("min_value", "min"),
    "max_exclusive": ("max_value", "max"),
}


def _verdict(rule: str, column: str) -> Expectation:
    arguments = {"column": _RULE + rule, "value_set": [True]}
    return Expectation(rule, column, "ColumnValuesToBeInSet", arguments)


def _row_rules(schema: type[dy.Schema]) -> dict[str, pl.Expr]:
    # dataframely has no public list of a schema's own rules.
    rules = schema._schema_validation_rules()
    return {name: rule.expr for name, rule in rules.items() if name != "primary_key"}


def with_verdicts(frame: pl.DataFrame, schema: type[dy.Schema]) -> pl.DataFrame:
    """The frame with a column of verdicts for each rule that needs one; null obeys."""
    rules = {
        f"{name}|{rule}": verdict
        for name, column in schema.columns().items()
        for rule, verdict in column.validation_rules(pl.col(name)).items()
    } | _row_rules(schema)
    wanted = {e.rule for e in expectations_of(schema) if e.arguments.get("value_set") == [True]}
    return frame.with_columns(
        rules[rule].fill_null(value=True).alias(_RULE + rule) for rule in sorted(wanted)
    )


def validate_tables(
    lake: Lake, targets: Sequence[Target], docs: Path | None = None
) -> pl.DataFrame:
    """Verdicts on table versions, as rows of `validation_results`, which gets each once.

    What has verdicts already is not judged again: their rows come back. New ones are appended
    in one commit, and Data Docs of them are built in the folder `docs`. Where somebody else
    commits first, what they judged too stays theirs and the rest is appended after it.
    """
    results = lake.held(RESULTS)
    number = results.number(_APP_ID) + 1
    known = lake.scan(RESULTS).collect()
    fresh = _without_verdicts(targets, known)
    rows = ((target, _rows(lake, target)) for target in fresh)
    found = verdicts(rows, docs) if fresh else known.clear()
    while found.height and not results.commit(found, _APP_ID, number).is_new:
        number += 1
        known = lake.scan(RESULTS).collect()
        fresh = _without_verdicts(targets, known)
        found = found.filter(_of(fresh))
    old = known.filter(_of(set(targets).difference(fresh)))
    return pl.concat([old, found])


_APP_ID = "validation"
_TARGET = ("table_name", "table_version", "partition")


def _without_verdicts(targets: Sequence[Target], known: pl.DataFrame) -> list[Target]:
    judged = set(known.select(_TARGET).unique().iter_rows())
    return [target for target in targets if tuple(target) not in judged]


def _of(targets: Collection[Target]) -> pl.Expr:
    chosen = [
        pl.all_horizontal(pl.col(name) == told for name, told in zip(_TARGET, one, strict=True))
        for one in targets
    ]
    return pl.any_horizontal(chosen) if chosen else pl.lit(value=False)


def verdicts(
    frames: Iterable[tuple[Target, pl.DataFrame]], docs: Path | None = None
) -> pl.DataFrame:
    """Verdicts of the generated suites on frames, stored nowhere but in Data Docs at `docs`."""
    with warnings.catch_warnings():
        # Great Expectations 1.24 on pandas 3 and Python 3.11 warns of its own imports and calls;
        # none of it is about the data. Goes with a version that is quiet.
        warnings.simplefilter("ignore")
        suites = _Suites(docs)
        rows = [row for target, frame in frames for row in suites.judge(target, frame)]
        suites.publish()
    return declared.conform(RESULTS, pl.DataFrame(rows, infer_schema_length=None))


def _rows(lake: Lake, target: Target) -> pl.DataFrame:
    rows = lake.scan(target.table, target.version)
    if target.partition:
        first, _, last = target.partition.partition(TO)
        days = (date.fromisoformat(first), date.fromisoformat(last or first))
        rows = rows.filter(pl.col(declared.BUSINESS_DATE).is_between(*days))
    return rows.collect()


class _Suites:
    """An ephemeral context of Great Expectations, its suites, and the site it publishes."""

    def __init__(self, docs: Path | None) -> None:
        # It asks the environment while it is imported.
        os.environ["GX_ANALYTICS_ENABLED"] = "false"
        import great_expectations as gx
        from great_expectations import expectations

        self._gx, self._words, self._docs = gx, expectations, docs
        from great_expectations.data_context.types import base

        # The default leaves a folder with a site of its own in the temporary folder each time.
        stores = base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
        config = base.DataContextConfig(store_backend_defaults=stores)
        self._context = gx.get_context(mode="ephemeral", project_config=config)
        self._context.variables.analytics_enabled = False
        self._context.variables.progress_bars = base.ProgressBarsConfig(globally=False)
        self._source = self._context.data_sources.add_pandas("lake")
        if docs is not None:
            self._context.add_data_docs_site(site_name=_SITE, site_config=_site(docs))

    def judge(self, target: Target, frame: pl.DataFrame) -> list[dict[str, Any]]:
        """Rows of `validation_results` for a frame of a target.

        Where there are no rows, every rule holds of them, and the library is asked nothing.
        """
        schema = declared.schema_of(target.table)
        wanted = {e.rule: e for e in expectations_of(schema)}
        if frame.is_empty():
            return [_row(target, 0, expectation) for expectation in wanted.values()]
        name = f"{target.table.replace('/', '_')} v{target.version} {target.partition}".strip()
        suite = self._context.suites.add(
            self._gx.ExpectationSuite(
                name=name, expectations=[self._worded(e) for e in wanted.values()]
            )
        )
        asset = self._source.add_dataframe_asset(name)
        definition = self._context.validation_definitions.add(
            self._gx.ValidationDefinition(
                name=name, data=asset.add_batch_definition_whole_dataframe("whole"), suite=suite
            )
        )
        pandas = with_verdicts(frame, schema).to_pandas()
        result = definition.run(batch_parameters={"dataframe": pandas})
        return [_judged(target, frame.height, wanted, found) for found in result.results]

    def _worded(self, expectation: Expectation) -> Any:  # noqa: ANN401 (no types outside functions)
        word = getattr(self._words, f"Expect{expectation.kind}")
        column = {} if "column_list" in expectation.arguments else {"column": expectation.column}
        return word(**(column | expectation.arguments), meta={"rule": expectation.rule})

    def publish(self) -> None:
        """Builds the site of everything judged."""
        if self._docs is not None:
            self._context.build_data_docs(site_names=[_SITE])


def _judged(
    target: Target,
    rows: int,
    wanted: dict[str, Expectation],
    found: Any,  # noqa: ANN401 (no types outside functions)
) -> dict[str, Any]:
    rule = found.expectation_config.meta["rule"]
    if (found.exception_info or {}).get("raised_exception"):
        raise RuntimeError(f"{target}: {rule}: {found.exception_info['exception_message']}")
    told = {
        "success": bool(found.success),
        "unexpected_rows": int(found.result.get("unexpected_count", 0)),
    }
    return _row(target, rows, wanted[rule]) | told


def _row(target: Target, rows: int, expectation: Expectation) -> dict[str, Any]:
    """A row of `validation_results` for a rule that is obeyed."""
    return {
        "table_name": target.table,
        "table_version": target.version,
        "partition": target.partition,
        "expectation": expectation.rule,
        "column": expectation.column,
        "success": True,
        "rows": rows,
        "unexpected_rows": 0,
    }


def _site(folder: Path) -> Any:  # noqa: ANN401 (a typed dictionary of the library)
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(folder.resolve()),
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }


def sealed_targets(table_versions: dict[str, int]) -> list[Target]:
    """What to validate of a sealed cycle: every table, as it was sealed."""
    return [Target(name, version) for name, version in table_versions.items() if name in TABLES]
