"""Taking up a case: asked once a session, changed whenever somebody turns to another."""

from http import HTTPStatus

from flask import Response, request

from gateway.account.browser import browser
from gateway.account.pages import form_of_ours, to
from gateway.account.tickets import Purpose
from gateway.auditing.looks import A_MEMBERS
from gateway.console.auditors import HOME, Auditor, blueprint, console_page, for_auditors
from gateway.console.searching import refuse
from gateway.console.words import CASE_PURPOSES
from gateway.runtime import runtime
from partners.access_log.cases import LONGEST_NUMBER, Case, names_a_member
from partners.people import sessions
from partners.vocabulary import CasePurpose

OPERATION = "audit.case"
NO_CASE = (
    f"A case's number has up to {LONGEST_NUMBER} letters, digits or the characters . _ / # - and a digit among them; "
    "it has no blanks, so that nobody's name gets into the log. Choose a purpose too."
)


@blueprint.get("/case")
@for_auditors(OPERATION)
def ask_for_case(auditor: Auditor) -> Response:
    """Ask which case the looks that follow are for."""
    return _form(auditor, request.args.get("then", ""))


@blueprint.post("/case")
@for_auditors(OPERATION)
def take_up_case(auditor: Auditor) -> Response:
    """Keep the case for this session, and go on to where the person was."""
    form_of_ours()
    number, then = request.form.get("number", "").strip(), request.form.get("then", "")
    try:
        case = Case(number, CasePurpose(request.form.get("purpose", "")))
    except ValueError:
        return _form(auditor, then, problem=NO_CASE, number=number[:LONGEST_NUMBER])
    with runtime().database.write.begin() as connection:
        is_a_members = names_a_member(connection, number)
    if is_a_members:
        # On record: it says who is a member.
        refuse(auditor, OPERATION)
        return _form(auditor, then, problem=f"This number {A_MEMBERS}", number=number)
    with runtime().database.write.begin() as connection:
        sessions.take_up(connection, browser().token, case)
        Auditor(auditor.person, case).look(connection, OPERATION)
    held = browser().open(Purpose.RETURN, then)
    return to(str(held["address"]) if held is not None else HOME)


def _form(auditor: Auditor, then: str, problem: str | None = None, number: str | None = None) -> Response:
    status = HTTPStatus.OK if problem is None else HTTPStatus.BAD_REQUEST
    told = {"then": then, "problem": problem, "number": number, "purposes": CASE_PURPOSES}
    return console_page(auditor, "case.html", status, **told)
