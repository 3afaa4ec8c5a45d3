"""Alerts: who acts unlike themselves, with the figures and the records that show it; taken up and closed here."""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, g, request

from gateway.account.pages import PageError, form_of_ours, to
from gateway.console.auditors import HOME, Auditor, blueprint, console_page, for_auditors
from gateway.runtime import runtime
from gateway.wording import sentence
from partners.access_log.identifiers import ACCESS_PREFIX, public
from partners.detections import alerts as log
from partners.detections.alerts import UNSETTLED, Alert, AlertError, NoSuchAlertError, NoteError, Wanted
from partners.detections.rules import RULES
from partners.vocabulary import AlertState, Outcome, Reason

LIST, GET, ACKNOWLEDGE, CLOSE = "audit.alerts", "audit.alert", "audit.acknowledge", "audit.close"
STATES = {"unsettled": UNSETTLED, "closed": (AlertState.CLOSED, AlertState.FALSE_POSITIVE), "all": ()}
ROWS = 50


@blueprint.get("/alerts")
@for_auditors(LIST)
def list_alerts(auditor: Auditor) -> Response:
    """Alerts in a state that the page states, newest first."""
    state = request.args.get("state", "")
    state = state if state in STATES else "unsettled"
    bound_to = {"person": auditor.person.id, "state": state}
    position = runtime().cursors.open(request.args.get("after"), bound_to=bound_to, parameter="after")
    wanted = Wanted(states=STATES[state], after=UUID(hex=position[0]) if position else None)
    with runtime().database.write.begin() as connection:
        found = log.find(connection, wanted, limit=ROWS + 1)
        floors = log.floors(connection, now=g.received_at)
        auditor.look(connection, LIST, outcome=Outcome.RELEASED if found else Outcome.EMPTY)
    told: dict[str, Any] = {"alerts": found[:ROWS], "state": state, "states": STATES, "is_first": position is None}
    next_cursor = runtime().cursors.seal([found[ROWS - 1].id.hex], bound_to=bound_to) if len(found) > ROWS else None
    return console_page(auditor, "alerts.html", **told, next_cursor=next_cursor, floors=floors)


@blueprint.get("/alerts/<alert_id>")
@for_auditors(GET)
def show_alert(auditor: Auditor, alert_id: str) -> Response:
    """One alert, with its figures and the records that show it."""
    with runtime().database.write.begin() as connection:
        found = log.get(connection, alert_id)
        if found is None:
            status, reason = HTTPStatus.NOT_FOUND, Reason.UNKNOWN
            auditor.look(connection, GET, outcome=Outcome.NOT_FOUND, status=status, reason=reason)
        else:
            auditor.look(connection, GET)
    if found is None:
        raise PageError(HTTPStatus.NOT_FOUND, "There is no such alert", "Its id is alr_ and 32 hexadecimal digits.")
    return console_page(auditor, "alert.html", **_told(found))


@blueprint.post("/alerts/<alert_id>/acknowledge")
@for_auditors(ACKNOWLEDGE)
def acknowledge_alert(auditor: Auditor, alert_id: str) -> Response:
    """Say that somebody looks at it."""
    form_of_ours()
    try:
        with runtime().database.write.begin() as connection:
            log.acknowledge(connection, alert_id, by=auditor.person.name, access=auditor.access(ACKNOWLEDGE))
    except AlertError as error:
        raise _refusal("This alert cannot be taken up", error) from None
    return to(f"{HOME}/alerts/{alert_id}")


@blueprint.post("/alerts/<alert_id>/close")
@for_auditors(CLOSE)
def close_alert(auditor: Auditor, alert_id: str) -> Response:
    """End it with a note; a false positive raises the rule's floor for whom it is about, visibly and for a while."""
    form_of_ours()
    note, by = request.form.get("note", ""), auditor.person.name
    ending: dict[str, Any] = {"note": note, "false_positive": request.form.get("ending") == "false_positive"}
    try:
        with runtime().database.write.begin() as connection:
            log.close(connection, alert_id, by=by, access=auditor.access(CLOSE), **ending)
    except NoteError as error:
        raise PageError(HTTPStatus.BAD_REQUEST, "This note cannot be used", sentence(str(error))) from None
    except AlertError as error:
        raise _refusal("This alert cannot be closed", error) from None
    return to(f"{HOME}/alerts/{alert_id}")


def _refusal(title: str, error: AlertError) -> PageError:
    status = HTTPStatus.NOT_FOUND if isinstance(error, NoSuchAlertError) else HTTPStatus.CONFLICT
    return PageError(status, title, sentence(str(error)))


def _told(found: Alert) -> dict[str, Any]:
    return {
        "alert": found,
        "evidence": [public(ACCESS_PREFIX, each) for each in found.evidence],
        "is_unsettled": found.state in UNSETTLED,
        "rules": RULES,
    }
