"""One page of a walk: from the cursor to the position, through the doorway, to the next cursor."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from gateway.disclosure import Disclosing, release
from gateway.envelope import data
from gateway.oauth.caller import Caller
from gateway.runtime import runtime
from serializers.policies import VERSION
from serializers.walks import PurchasesWalk, Walk


def released_page(walk: Walk, disclosing: Disclosing) -> Response:
    """Answer with the page that the walk's query asks for; no totals, and no count of what is hidden (R61)."""
    cursors = runtime().cursors
    bound_to = _bound(walk, disclosing.caller)
    position = cursors.open(walk.query.get("cursor"), bound_to=bound_to)
    released = release(walk.statement(position), disclosing, walk.parameters(position), limit=walk.query["limit"])
    page = {
        "next_cursor": cursors.seal(released.last_keys, bound_to=bound_to) if released.has_more else None,
        "has_more": released.has_more,
    }
    return data({"data": released.documents, "page": page, "meta": {"policy_version": VERSION}})


def purchases_walk(query: Mapping[str, Any], caller: Caller) -> PurchasesWalk:
    """Through the purchase log, or on from the watermark that the query brings.

    A watermark is the partner's, not one client's: it outlives a change of credentials.
    """
    opened = runtime().cursors.open(query.get("since"), bound_to=_owner(caller), parameter="since")
    return PurchasesWalk(query, watermark=opened[0] if opened else None)


def purchases_page(walk: PurchasesWalk, disclosing: Disclosing) -> Response:
    """Answer with a page of the purchase log and a watermark: everything recorded after it comes with `since`."""
    cursors, bound_to = runtime().cursors, _bound(walk, disclosing.caller)
    position = cursors.open(walk.query.get("cursor"), bound_to=bound_to)
    released = release(walk.statement(position), disclosing, walk.parameters(position), limit=walk.query["limit"])
    page: dict[str, Any] = {"next_cursor": None, "has_more": released.has_more}
    (watermark,) = released.footing
    if released.has_more and walk.watermark is not None:
        (watermark,) = released.last_keys
    elif released.has_more:
        page["next_cursor"] = cursors.seal(released.last_keys, bound_to=bound_to)
    meta = {"policy_version": VERSION, "watermark": cursors.seal([watermark], bound_to=_owner(disclosing.caller))}
    return data({"data": released.documents, "page": page, "meta": meta})


def _owner(caller: Caller) -> dict[str, Any]:
    return {"watermark": caller.partner}


def _bound(walk: Walk, caller: Caller) -> dict[str, Any]:
    return {"client": caller.client, "model": caller.model, **walk.identity()}
