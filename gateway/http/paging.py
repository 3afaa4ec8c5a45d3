"""Pages of lists, and of walks: from the cursor to the position, through the doorway, to the next cursor."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask import Response

from gateway.disclosure import Disclosing, release
from gateway.http.envelope import data
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard
from gateway.runtime import runtime
from serializers.policies import VERSION
from serializers.walks import PurchasesWalk, Walk

T = TypeVar("T")


def page_of(
    rows: Sequence[T], limit: int, *, position: Callable[[T], list[Any]], bound_to: Mapping[str, Any]
) -> tuple[Sequence[T], dict[str, Any]]:
    """Return the rows of a page, of which one more was read, and what the page says about how the list goes on."""
    said, has_more = rows[:limit], len(rows) > limit
    next_cursor = runtime().cursors.seal(position(said[-1]), bound_to=bound_to) if has_more else None
    return said, {"next_cursor": next_cursor, "has_more": has_more}


def asked_alike(guard: Guard, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the cursor of a list is bound to: which list, who asks, and for what."""
    # A tool walks through many webmasters' statistics with one client.
    return {"list": guard.operation, "asker": [caller.client, caller.partner, caller.model], "asked": dict(asked)}


def released_page(walk: Walk, disclosing: Disclosing) -> Response:
    """Answer with the page that the walk's query asks for; no totals, and no count of what is hidden (R61)."""
    cursors = runtime().cursors
    bound_to = asked_alike(disclosing.guard, disclosing.caller, walk.identity())
    position = cursors.open(walk.query.get("cursor"), bound_to=bound_to)
    released = release(walk.statement(position), disclosing, walk.parameters(position), limit=walk.query["limit"])
    page = {
        "next_cursor": cursors.seal(released.last_keys, bound_to=bound_to) if released.has_more else None,
        "has_more": released.has_more,
    }
    return data({"data": released.documents, "page": page, "meta": {"policy_version": VERSION}})


def purchases_walk(query: Mapping[str, Any], caller: Caller) -> PurchasesWalk:
    """Through the purchase log, or on from the watermark that the query brings."""
    return PurchasesWalk(query, watermark=open_watermark(query.get("since"), caller, parameter="since"))


def open_watermark(text: str | None, caller: Caller, *, parameter: str) -> int | None:
    """Up to where the purchase log was told; raise the problem for what is no watermark of this partner.

    It is the partner's, not one client's: it outlives a change of credentials.
    """
    opened = runtime().cursors.open(text, bound_to=_owner(caller), parameter=parameter)
    return opened[0] if opened else None


def purchases_page(walk: PurchasesWalk, disclosing: Disclosing) -> Response:
    """Answer with a page of the purchase log and a watermark: everything recorded after it comes with `since`.

    All pages of a walk have the watermark of its first: what is recorded meanwhile sorts before their cursors.
    """
    cursors = runtime().cursors
    bound_to = asked_alike(disclosing.guard, disclosing.caller, walk.identity())
    opened = cursors.open(walk.query.get("cursor"), bound_to=bound_to)
    position = None if opened is None else opened[:-1]
    released = release(walk.statement(position), disclosing, walk.parameters(position), limit=walk.query["limit"])
    page: dict[str, Any] = {"next_cursor": None, "has_more": released.has_more}
    (watermark,) = released.footing if opened is None else opened[-1:]
    if released.has_more and walk.watermark is not None:
        (watermark,) = released.last_keys
    elif released.has_more:
        page["next_cursor"] = cursors.seal([*released.last_keys, watermark], bound_to=bound_to)
    meta = {"policy_version": VERSION, "watermark": cursors.seal([watermark], bound_to=_owner(disclosing.caller))}
    return data({"data": released.documents, "page": page, "meta": meta})


def _owner(caller: Caller) -> dict[str, Any]:
    return {"watermark": caller.partner}
