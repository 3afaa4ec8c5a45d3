"""What the detections found out of the ordinary, for the security team's own tools."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy import Engine

from gateway.api.arguments import ApiBlueprint
from gateway.auditing.looks import guard_of, look, while_admitted
from gateway.disclosure import Disclosing
from gateway.http.envelope import answer
from gateway.http.paging import asked_alike, page_of
from gateway.http.problems import not_found
from gateway.http.streaming import Chunks, streamed
from gateway.oauth.caller import Caller
from gateway.oauth.guard import guarded_by
from gateway.runtime import runtime
from partners.detections import alerts
from partners.detections.alerts import Alert, Wanted
from partners.vocabulary import Outcome, Reason
from serializers.alerts import AlertForm, AlertsQuery, alert_document
from serializers.queries import NoQuery, but_the_page
from serializers.siem.ocsf_findings import FindingLines, findings

_AT_ONCE = 200
"""Alerts that are read and written at a time where all are asked for."""

blueprint = ApiBlueprint("alerts", __name__, url_prefix="/v1/audit")


LIST, GET = guard_of("audit.alerts"), guard_of("audit.alert")


@blueprint.route("/alerts")
@guarded_by(LIST)
@blueprint.arguments(AlertsQuery, location="query")
def list_alerts(caller: Caller, query: dict[str, Any]) -> Response:
    """Alerts that match everything asked, newest first; as a page, or all of them as OCSF, an event a line."""
    if query.pop("form") is AlertForm.OCSF:
        return _as_events(caller, query)
    bound_to = asked_alike(LIST, caller, but_the_page(query))
    with runtime().database.write.begin() as connection:
        wanted = _wanted(query, runtime().cursors.open(query.get("cursor"), bound_to=bound_to))
        found = alerts.find(connection, wanted, limit=query["limit"] + 1)
        look(connection, LIST, caller, outcome=Outcome.RELEASED if found else Outcome.EMPTY)
    said, page = page_of(found, query["limit"], position=lambda each: [each.id.hex], bound_to=bound_to)
    return answer({"data": [alert_document(each) for each in said], "page": page})


@blueprint.route("/alerts/<alert_id>")
@guarded_by(GET)
@blueprint.arguments(NoQuery, location="query")
def get_alert(caller: Caller, _query: dict[str, Any], alert_id: str) -> Response:
    """One alert, with its figures beside the baseline and the records that show it."""
    with runtime().database.write.begin() as connection:
        found = alerts.get(connection, alert_id)
        if found is None:
            status = HTTPStatus.NOT_FOUND
            look(connection, GET, caller, outcome=Outcome.NOT_FOUND, status=status, reason=Reason.UNKNOWN)
        else:
            look(connection, GET, caller)
    if found is None:
        raise not_found()
    return answer({"data": alert_document(found)})


def _as_events(caller: Caller, query: dict[str, Any]) -> Response:
    engine, wanted = runtime().database.write, _wanted(query, None)
    with engine.begin() as connection:
        first = alerts.find(connection, wanted, limit=_AT_ONCE)
        look(connection, LIST, caller, outcome=Outcome.RELEASED if first else Outcome.EMPTY)
    events = while_admitted(_events(engine, wanted, first), LIST, caller)
    return streamed(events, FindingLines(), Disclosing(caller, LIST))


def _events(engine: Engine, wanted: Wanted, found: Sequence[Alert]) -> Chunks:
    """Some alerts and all that follow them."""
    while found:
        yield findings(found)
        with engine.begin() as connection:
            found = alerts.find(connection, replace(wanted, after=found[-1].id), limit=_AT_ONCE)


def _wanted(query: dict[str, Any], position: list[Any] | None) -> Wanted:
    return Wanted(
        states=[query["state"]] if "state" in query else (),
        tier=query.get("tier"),
        rule=query.get("rule"),
        partner=query.get("partner"),
        after=UUID(hex=position[0]) if position else None,
    )
