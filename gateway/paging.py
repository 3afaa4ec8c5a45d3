"""One page of a walk: from the cursor to the position, through the doorway, to the next cursor."""

from flask import Response

from gateway.cursors import Cursors
from gateway.disclosure import Disclosing, release
from gateway.envelope import data
from gateway.runtime import runtime
from serializers.policies import VERSION
from serializers.walks import Walk


def released_page(walk: Walk, disclosing: Disclosing) -> Response:
    """Answer with the page that the walk's query asks for; no totals, and no count of what is hidden (R61)."""
    cursors = Cursors(runtime().keyring)
    bound_to = {"client": disclosing.caller.client, "model": disclosing.caller.model, **walk.identity()}
    position = cursors.open(walk.query.get("cursor"), bound_to=bound_to)
    released = release(walk.statement(position), disclosing, walk.parameters(position), limit=walk.query["limit"])
    page = {
        "next_cursor": cursors.seal(released.last_keys, bound_to=bound_to) if released.has_more else None,
        "has_more": released.has_more,
    }
    return data({"data": released.documents, "page": page, "meta": {"policy_version": VERSION}})
