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


def purchases_since(query: Mapping[str, Any], disclosing: Disclosing) -> Response:
    """Answer with a page of the purchase log and a watermark: everything recorded after it comes with `since`.

    A watermark is the partner's, not one client's: it outlives a change of credentials.
    """
    cursors, owner = runtime().cursors, {"watermark": disclosing.caller.partner}
    opened = cursors.open(query.get("since"), bound_to=owner, parameter="since")
    walk = PurchasesWalk(query, watermark=opened[0] if opened else None)
    bound_to = _bound(walk, disclosing.caller)
    position = cursors.open(query.get("cursor"), bound_to=bound_to)
    released = release(walk.statement(position), disclosing, walk.parameters(position), limit=query["limit"])
    page: dict[str, Any] = {"next_cursor": None, "has_more": released.has_more}
    (watermark,) = released.footing
    if released.has_more and opened:
        (watermark,) = released.last_keys
    elif released.has_more:
        page["next_cursor"] = cursors.seal(released.last_keys, bound_to=bound_to)
    meta = {"policy_version": VERSION, "watermark": cursors.seal([watermark], bound_to=owner)}
    return data({"data": released.documents, "page": page, "meta": meta})


def _bound(walk: Walk, caller: Caller) -> dict[str, Any]:
    return {"client": caller.client, "model": caller.model, **walk.identity()}
