"""What became of a file that was tried: as a document, and for a person."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from margin_assets.cli import output

if TYPE_CHECKING:
    from margin_assets.live.checking.landing_trial import Trial

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def document_of(file: Path, tried: "Trial", rows: list[int] | None) -> dict[str, Any]:
    """The document of `margin landing check`."""
    report = tried.report
    refused = [
        {
            "row": rows[row["file_row"] - 2] if rows and row["file_row"] else row["file_row"],
            "reasons": row["reasons"].split(";"),
            "detail": row["detail"],
        }
        for row in tried.refused.iter_rows(named=True)
    ]
    return {
        "file": str(file),
        "feed": report.file.feed,
        "cycle": tried.cycle or None,
        "status": report.status,
        "rows": report.rows_read,
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "late": report.late,
        "ignored_columns": list(report.extra),
        "refused": refused,
    }


def show(found: dict[str, Any], lake: str) -> None:
    """The same for a person."""
    by = f"against {lake}, cycle {found['cycle']}" if found["cycle"] else "by itself"
    output.say(f"{found['file']} as {found['feed']}, {by}: {found['status']}")
    output.say(
        "{rows} rows, {accepted} accepted, {duplicates} there before, {late} late, ".format(**found)
        + f"{len(found['refused'])} refused"
    )
    if found["ignored_columns"]:
        output.say(f"columns that {found['feed']} has not: {', '.join(found['ignored_columns'])}")
    if found["refused"]:
        rows = (
            (r["row"] or "file", ", ".join(r["reasons"]), r["detail"]) for r in found["refused"]
        )
        output.table(("row", "reasons", "detail"), rows)
        if "header" in found:
            output.say(f"the file has: {found['header']}")
            if hint := _other_separator(found):
                output.say(hint)
        output.say("what each reason means, and how to mend it: docs/landing.md")


def _other_separator(found: dict[str, Any]) -> str:
    """What to do with a file whose one column looks like several."""
    header = found["header"]
    if "," in header or not any(sign in header for sign in _SEPARATORS):
        return ""
    sign = next(word for sign, word in _SEPARATORS.items() if sign in header)
    command = f"margin landing map {found['file']} --feed {found['feed']} --draft > map.toml"
    return f"its fields stand between {sign}: land it through a mapping, begun by `{command}`"
