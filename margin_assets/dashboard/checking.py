"""Orders checked before they are traded: a question by POST, which changes nothing."""

import threading
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from margin_assets.dashboard.desk import answered
from margin_assets.dashboard.reading import NOT_FOUND, AccountId
from margin_assets.lake.store.store import Lake

if TYPE_CHECKING:
    from margin_assets.live.checking import Follower

_ANSWERS: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    400: {"description": "Not an order, or of a symbol that nobody knows."},
    422: {"description": "Not a question."},
    503: {"description": "Nothing is sealed yet, or what is held is too old."},
}


_MOST_TEXTS = 40
"""Of one question; how many legs they may have, the parser says."""


class Asking(BaseModel):
    """Orders of one account, each leg as `BUY 100 XOM @ 61.20`."""

    model_config = ConfigDict(extra="forbid")

    orders: list[Annotated[str, Field(max_length=200)]] = Field(
        min_length=1, max_length=_MOST_TEXTS
    )


class Checks:
    """The firm that orders are checked by, made when somebody asks for the first time.

    It loads the compiled loops, some 130 MB, which a server that only shows does without.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._follower: Follower | None = None

    def follower(self) -> "Follower":
        """The one that answers."""
        from margin_assets.live.checking import Follower

        with self._lock:
            if self._follower is None:
                self._follower = Follower(self._lake)
            return self._follower

    def close(self) -> None:
        """Follows no longer."""
        if self._follower is not None:
            self._follower.close()


def router(checks: Checks) -> APIRouter:
    """The one route."""
    routes = APIRouter(prefix="/api", responses=_ANSWERS)

    # An id may hold any printable character: what follows it in a path tells the question.
    @routes.post("/accounts/{account_id:path}/check")
    def check(account_id: AccountId, body: Asking) -> Response:
        """Whether orders would be accepted, and what the account would come to."""
        from margin_assets.live.checking import UnknownAccount
        from margin_assets.whatif.orders import OrderError, parse_orders

        try:
            found = checks.follower().check(account_id, parse_orders(body.orders))
        except OrderError as error:
            raise HTTPException(400, str(error)) from None
        except UnknownAccount:
            raise HTTPException(404, "no such account") from None
        except LookupError as error:
            raise HTTPException(503, str(error)) from None
        return answered(found | {"as_of": found["as_of"].isoformat().replace("+00:00", "Z")})

    return routes
