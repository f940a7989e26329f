"""Whether the last business day was good: the sentence that the morning begins with."""

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from margin_assets.calendar import sessions

Document = dict[str, Any]


def closing(found: Document, now: datetime) -> Document:
    """The last business date that has closed, and what there is against it.

    `found` is what `margin status` knows. A lake of history is asked for the last close of its own
    time, any other for the last by the clock, `stale_seconds` after it.
    """
    is_history = found["freshness"]["state"] == "history"
    at = found["as_of"] if is_history else now - timedelta(seconds=found["limits"]["stale_seconds"])
    day = None if at is None else _last_closed(at)
    if day is None:
        return {"business_date": None, "is_good": False, "against": ["nothing is sealed yet"]}
    against = [*_of_close(found["daily"], day), *_of_inputs(found)]
    return {"business_date": day, "is_good": not against, "against": against}


def sentence(close: Document) -> str:
    """The same for a person."""
    if close["business_date"] is None:
        return "no business day yet: nothing is sealed"
    if close["is_good"]:
        return (
            f"{close['business_date']} was good: its close is computed, all that landed is "
            "processed, no fill or cash row is refused and open, every account had its inputs"
        )
    return f"{close['business_date']} was not good: {'; '.join(close['against'])}"


def _last_closed(at: datetime) -> date | None:
    known = sessions()
    place = int(np.searchsorted(known.closes, int(at.timestamp() * 1e6), side="right")) - 1
    return known.days[place] if place >= 0 else None


def _of_close(daily: Document, day: date) -> list[str]:
    last = daily.get("last_finished")
    if day in daily.get("unfinished", ()):
        return ["its close is begun and not finished"]
    if last is None:
        return ["its close is not computed: no daily run has written one"]
    if last < day or day in daily.get("missing", ()):
        return [f"its close is not computed: the last is of {last}"]
    return []


def _of_inputs(found: Document) -> list[str]:
    counts = (
        (found["backlog"]["files"], "files wait"),
        (len(found["waiting_files"]), "files are ahead of the clock"),
        (found["refused"]["rows"], "fills or cash rows are refused and open"),
        (len(found["waiting_corrections"]), "corrections wait for their fill"),
        (len(found["indeterminate_accounts"]), "accounts lacked an input"),
        (len(found["actions_on_unknown_symbols"]), "corporate actions are of no known symbol"),
        (len(found["damaged_tables"]), "tables are damaged"),
    )
    return [f"{count} {what}" for count, what in counts if count]
