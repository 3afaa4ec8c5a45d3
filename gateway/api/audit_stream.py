"""The sealed log for tools that keep up with it: whatever follows an index, in order, without a gap."""

import time
from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.auditing.looks import case_told, guard_of, look
from gateway.http import patience
from gateway.http.problems import Fault, invalid_request
from gateway.oauth.caller import Caller
from gateway.oauth.guard import guarded_by
from gateway.runtime import runtime
from partners.access_log import following
from partners.access_log.following import START
from partners.access_log.policy_versions import policy_documents
from partners.vocabulary import Outcome
from serializers.audit import StreamQuery, followed_entry, lines_of_export
from serializers.policy.recorded import Policies

STREAM = guard_of(following.PULLED)
LOOK_S = 0.5
"""How often who waits looks; about as often something is sealed."""

blueprint = ApiBlueprint("audit_stream", __name__, url_prefix="/v1/audit")


@blueprint.route("/stream")
@guarded_by(STREAM)
@blueprint.arguments(StreamQuery, location="query")
def stream_accesses(caller: Caller, query: dict[str, Any]) -> Response:
    """The sealed entries that follow an index, in order, a line each; nothing where there is no news.

    Pulls are on record, and their records are no news: they come along with whatever else was sealed.
    """
    after: int = query["after"]
    # Refused before the wait and not after it.
    with runtime().database.write.connect() as connection:
        case_told(connection, STREAM, caller)
    is_news = _is_news(after, query["wait"])
    if query["wait"]:
        STREAM.require(caller)
    lines = lines_of_export(query["form"])
    with runtime().database.write.begin() as connection:
        size = following.size(connection)
        if after >= max(size, START + 1):
            raise invalid_request(Fault("invalid_value", "No sealed entry has this index yet.", parameter="after"))
        policies = Policies(policy_documents(connection)) if is_news else Policies({})
        found = following.follow(connection, after=after, limit=query["limit"]) if is_news else []
        look(connection, STREAM, caller, outcome=Outcome.RELEASED if found else Outcome.EMPTY)
    body = lines.of([followed_entry(each, policies) for each in found])
    told = {"Log-Origin": runtime().settings.log_origin, "Log-Size": str(size)}
    return Response(body, content_type=lines.content_type, headers=told)


def _is_news(after: int, wait: float) -> bool:
    """Look for news, again and again for some seconds where one of the few seats for it is free."""
    seats = runtime().seats
    is_seated = bool(wait) and seats.acquire(blocking=False)
    try:
        return _look(after, until=time.monotonic() + (wait if is_seated else 0))
    finally:
        if is_seated:
            seats.release()


def _look(after: int, *, until: float) -> bool:
    while True:
        patience.answer_soon()
        with runtime().database.write.connect() as connection:
            if following.has_news(connection, after=after):
                return True
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(LOOK_S, left))
