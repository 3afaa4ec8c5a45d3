"""What the detections found out of the ordinary, for the security team's own tools."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.envelope import answer
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.problems import not_found
from gateway.runtime import runtime
from partners.detections import alerts
from partners.detections.alerts import Wanted
from partners.vocabulary import Outcome, PartnerKind, Purpose, Reason, Scope, Work
from serializers.alerts import AlertsQuery, alert_document
from serializers.queries import NoQuery

blueprint = ApiBlueprint("alerts", __name__, url_prefix="/v1/audit")


def _guard(operation: str) -> Guard:
    return Guard(PartnerKind.AUDITOR, Scope.AUDIT_READ, operation, Purpose.SECURITY, live=True, work=Work.AUDIT)


LIST, GET = _guard("audit.alerts"), _guard("audit.alert")


@blueprint.route("/alerts")
@guarded_by(LIST)
@blueprint.arguments(AlertsQuery, location="query")
def list_alerts(caller: Caller, query: dict[str, Any]) -> Response:
    """Alerts that match everything asked, newest first."""
    cursors = runtime().cursors
    bound_to = {"client": caller.client} | {k: str(v) for k, v in query.items() if k not in {"limit", "cursor"}}
    with runtime().database.write.begin() as connection:
        wanted = _wanted(query, cursors.open(query.get("cursor"), bound_to=bound_to))
        found = alerts.find(connection, wanted, limit=query["limit"] + 1)
        LIST.note(connection, caller, outcome=Outcome.RELEASED if found else Outcome.EMPTY)
    said = found[: query["limit"]]
    has_more = len(found) > len(said)
    next_cursor = cursors.seal([said[-1].id.hex], bound_to=bound_to) if has_more else None
    page = {"next_cursor": next_cursor, "has_more": has_more}
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
            GET.note(connection, caller, outcome=Outcome.NOT_FOUND, status=status, reason=Reason.UNKNOWN)
        else:
            GET.note(connection, caller)
    if found is None:
        raise not_found()
    return answer({"data": alert_document(found)})


def _wanted(query: dict[str, Any], position: list[Any] | None) -> Wanted:
    return Wanted(
        states=[query["state"]] if "state" in query else (),
        tier=query.get("tier"),
        rule=query.get("rule"),
        partner=query.get("partner"),
        after=UUID(hex=position[0]) if position else None,
    )
