"""What a person does in a page: one landed row of `desk_actions`, decided by the next cycle."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

_PRINTABLE = r"^[!-~](?:[ -~]{0,126}[!-~])?$"
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=_PRINTABLE)]
Reason = Annotated[
    str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")
]
Id = Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]


class Acting(BaseModel):
    """Who does it, and why."""

    model_config = ConfigDict(extra="forbid")

    actor: Name
    reason: Reason


class Extending(Acting):
    """The same, with the instant until which a call is extended."""

    until: AwareDatetime

    @field_validator("until")
    @classmethod
    def _has_a_day_in_utc(cls, until: datetime) -> datetime:
        try:
            return until.astimezone(UTC)
        except OverflowError:
            raise ValueError("is beyond the calendar") from None


class Accepted(BaseModel):
    """The act is landed; the next cycle decides whether it counts."""

    action_id: str
    kind: str
    subject: str


ROUTES = {
    "/api/plans/{subject}/approve": "plan_approve",
    "/api/plans/{subject}/reject": "plan_reject",
    "/api/notices/{subject}/acknowledge": "notice_acknowledge",
    "/api/breaches/{subject}/acknowledge": "breach_acknowledge",
}
"""Acts that need no more than who and why."""


DECISIONS = ("plan_approve", "plan_reject")
"""Acts that may be done again, by another or after they were refused."""


def acted(
    landing: Path | str,
    what: tuple[str, str],
    body: Acting,
    as_of: datetime | None,
    refused: int = 0,
) -> Accepted:
    """Lands one act of a kind on a subject, on a lake that stands at an instant.

    `refused`: such decisions on the subject that were refused.

    Raises:
        Refused: the feed would not take it.
        OSError: the landing folder does not take it.
    """
    # It reads what it lands as a cycle would, which loads the calendar and the compiled loops.
    from margin_assets.desk.acts import Act, Where, act_of, land_act, time_of_act

    kind, subject = what
    details = {"until": body.until.isoformat()} if isinstance(body, Extending) else {}
    act = Act(kind, subject, body.reason, details)
    if kind in DECISIONS:
        act = act_of(kind, subject, body.actor, body.reason, refused)
    land_act(act, Where(landing, body.actor), time_of_act(as_of, datetime.now(UTC)))
    return Accepted(action_id=act.action_id, kind=kind, subject=subject)
