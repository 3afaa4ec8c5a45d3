"""Who saw this member: asked by the platform's id, and for a case only."""

from http import HTTPStatus
from typing import Any

from flask import Response, request
from sqlalchemy import Connection

from gateway.console.auditors import Auditor, blueprint, console_page, for_auditors
from gateway.http import patience
from gateway.http.cursors import place_at, position_at
from gateway.runtime import runtime
from partners.access_log import of_member
from partners.access_log import search as log
from partners.access_log.disclosures import entered_by_hand
from partners.access_log.identifiers import ACCESS_PREFIX, Place, public
from partners.access_log.policy_versions import policy_documents
from partners.vocabulary import Outcome, Reason
from serializers.policy.recorded import Policies
from serializers.who_saw import recipients, told

OPERATION = "audit.member"
ROWS = 50


@blueprint.get("/members")
@for_auditors(OPERATION, needs_case=True)
def who_saw(auditor: Auditor) -> Response:
    """Ask for a member's id; say who saw them, what was given and what was withheld."""
    member = request.args.get("member", "").strip()
    if not member or "\0" in member:
        return console_page(auditor, "members.html", member="")
    after = _after(auditor, member)
    with runtime().database.write.begin() as connection:
        number = log.member_number(connection, member)
        found = _found(connection, auditor, number, after) if number is not None else None
        if found is None:
            reason, status = Reason.UNKNOWN, HTTPStatus.NOT_FOUND
            auditor.look(connection, OPERATION, outcome=Outcome.NOT_FOUND, status=status, reason=reason)
    if found is None:
        return console_page(auditor, "members.html", HTTPStatus.NOT_FOUND, member=member, is_unknown=True)
    shown = _shown(found, auditor, member)
    return console_page(auditor, "members.html", member=member, is_first=after is None, **shown)


def _found(connection: Connection, auditor: Auditor, number: int, after: Place | None) -> dict[str, Any]:
    log.wait_until_readable(connection)
    policies = Policies(policy_documents(connection))
    with patience.searching():
        rows = of_member.accesses_of(connection, number, after=after, limit=ROWS + 1)
        askers = of_member.askers_about(connection, number) if after is None else []
        outside = entered_by_hand(connection, number) if after is None else []
    auditor.look(connection, OPERATION, members=[number])
    return {"rows": rows, "recipients": recipients(askers, policies), "outside": outside, "policies": policies}


def _shown(found: dict[str, Any], auditor: Auditor, member: str) -> dict[str, Any]:
    rows = found["rows"][:ROWS]
    position = position_at(rows[-1].at, rows[-1].id) if len(found["rows"]) > ROWS else None
    return {
        "accesses": [told(row, found["policies"]) | {"id": public(ACCESS_PREFIX, row.id)} for row in rows],
        "recipients": found["recipients"],
        "outside": found["outside"],
        "next_cursor": runtime().cursors.seal(position, bound_to=_bound(auditor, member)) if position else None,
    }


def _bound(auditor: Auditor, member: str) -> dict[str, str]:
    return {"person": auditor.person.id, "member": member}


def _after(auditor: Auditor, member: str) -> Place | None:
    bound_to = _bound(auditor, member)
    return place_at(runtime().cursors.open(request.args.get("after"), bound_to=bound_to, parameter="after"))
