"""Looks at the access log are in the access log: by whom, and where it is told, for which case."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from flask import request
from sqlalchemy import Connection

from gateway.http.problems import Fault, invalid_request
from gateway.http.streaming import Chunks
from gateway.oauth.caller import Caller
from gateway.oauth.challenges import refusal
from gateway.oauth.guard import Guard, reason_against
from gateway.records import access_of
from gateway.runtime import runtime
from partners.access_log.append import record
from partners.access_log.cases import LONGEST_NUMBER, Case, names_a_member
from partners.vocabulary import CasePurpose, Outcome, PartnerKind, Purpose, Reason, Scope, Work

NUMBER, PURPOSE = "Case-Number", "Case-Purpose"
"""Headers by which a program says what its look is for."""
A_MEMBERS = "is a member's id or username, which the log could never lose again: write one of your own records."


def guard_of(operation: str, work: Work = Work.AUDIT) -> Guard:
    """What stands before a path that auditors look at the log by."""
    return Guard(PartnerKind.AUDITOR, Scope.AUDIT_READ, operation, Purpose.SECURITY, live=True, work=work)


def look(
    connection: Connection,
    guard: Guard,
    caller: Caller,
    *,
    outcome: Outcome = Outcome.RELEASED,
    status: int = HTTPStatus.OK,
    reason: Reason | None = None,
    members: Sequence[int] = (),
) -> None:
    """Put a look on record. With a case, its record also says about which `members` it was asked."""
    case = case_told(connection, guard, caller)
    access = replace(access_of(guard.operation, guard.purpose, caller), case=case)
    asked_about = members if case is not None else ()
    record(connection, access, outcome=outcome, status=status, reason=reason, members=asked_about)


def while_admitted(chunks: Chunks, guard: Guard, caller: Caller) -> Chunks:
    """End with a problem where the caller may not act any more: a suspension stops what is under way too."""
    for chunk in chunks:
        yield chunk
        reason = reason_against(caller, member_rows=False)
        if reason is not None:
            raise refusal(reason, *guard.needed)


def case_told(connection: Connection, guard: Guard, caller: Caller) -> Case | None:
    """The case that the request's headers tell, if any; raise the problem where they tell half of one, or none.

    That a number names a member is told on record alone: it says who is a member.
    """
    case = _case_told()
    if case is not None and names_a_member(connection, case.number):
        with runtime().database.write.begin() as recording:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            guard.note(recording, caller, outcome=Outcome.DENIED, status=status, reason=Reason.UNKNOWN)
        raise invalid_request(Fault("invalid_case", f"`{NUMBER}` {A_MEMBERS}", parameter=NUMBER))
    return case


def _case_told() -> Case | None:
    number, purpose = request.headers.get(NUMBER), request.headers.get(PURPOSE)
    if number is None and purpose is None:
        return None
    try:
        return Case(number or "", CasePurpose(purpose or ""))
    except ValueError:
        number_is = f"`{NUMBER}` has up to {LONGEST_NUMBER} letters, digits or . _ / # -, a digit among them"
        purpose_is = f"`{PURPOSE}` is one of {', '.join(CasePurpose)}"
        raise invalid_request(Fault("invalid_case", f"{number_is}; {purpose_is}.", parameter=NUMBER)) from None
