"""Where the platform sends its events: a stream of lines of any length, or a small batch (contract §2)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from flask import Response, request

from gateway.api.arguments import ApiBlueprint
from gateway.api.bodies import require_plain
from gateway.http import patience
from gateway.http.bodies import whole_body
from gateway.http.envelope import answer
from gateway.http.problems import Problem, status_of
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.observability import metrics
from gateway.records import access_of
from gateway.runtime import runtime
from partners.feed import Feed, Report, apply_events, apply_stream
from partners.vocabulary import Outcome, PartnerKind, Purpose, Scope
from serializers.feed import report_document
from serializers.queries import NoQuery

LINES = "application/x-ndjson"
BATCH = "application/cloudevents-batch+json"
LARGEST_BATCH = 1_000
LARGEST_BATCH_BYTES = 1024 * 1024

WRITE_EVENTS = Guard(PartnerKind.PLATFORM, Scope.EVENTS_WRITE, "events.write", Purpose.OPERATION, live=True)

blueprint = ApiBlueprint("events", __name__, url_prefix="/v1/platform")


@blueprint.route("/events", methods=["POST"])
@guarded_by(WRITE_EVENTS)
@blueprint.arguments(NoQuery, location="query")
def post_events(caller: Caller, _query: dict[str, Any]) -> Response:
    """Apply events, each once; what was applied before a failure stays, and everything may be sent again."""
    patience.feed()
    with _recorded(caller):
        asked = access_of(WRITE_EVENTS.operation, WRITE_EVENTS.purpose, caller)
        feed = Feed(
            runtime().database,
            runtime().keyring,
            runtime().journal,
            access=lambda: replace(asked, at=datetime.now(UTC)),
        )
        report = _reader()(feed)
    metrics.fed(accepted=report.accepted, duplicates=report.duplicates, rejected=report.rejected)
    return answer(report_document(report))


@contextmanager
def _recorded(caller: Caller) -> Iterator[None]:
    """Put on record that events were taken, or that they could not all be read."""
    try:
        yield
    except Exception as error:
        _note(caller, Outcome.ERROR, status_of(error))
        raise
    _note(caller, Outcome.RELEASED, HTTPStatus.OK)


def _note(caller: Caller, outcome: Outcome, status: int) -> None:
    with runtime().database.write.begin() as connection:
        WRITE_EVENTS.note(connection, caller, outcome=outcome, status=status)


def _reader() -> Callable[[Feed], Report]:
    read = _READERS.get(request.mimetype)
    if read is None:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            f"Send {LINES} or {BATCH}.",
            headers={"Accept": ", ".join(_READERS)},
        )
    require_plain(request)
    return read


def _apply_lines(feed: Feed) -> Report:
    request.max_content_length = None
    return apply_stream(request.stream, feed, runtime().now)


def _apply_batch(feed: Feed) -> Report:
    try:
        documents = orjson.loads(whole_body(request, LARGEST_BATCH_BYTES))
    except orjson.JSONDecodeError:
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid-json", "The body is not valid JSON.") from None
    if not isinstance(documents, list):
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid-batch", "A batch is a JSON array of events.")
    if len(documents) > LARGEST_BATCH:
        detail = f"A batch holds {LARGEST_BATCH} events at most; send more of them as {LINES}."
        raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-entity-too-large", detail)
    return apply_events(documents, feed, runtime().now)


_READERS: Mapping[str, Callable[[Feed], Report]] = {LINES: _apply_lines, BATCH: _apply_batch}
