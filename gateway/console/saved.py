"""Searches that the security team saves, for all its people; never one about somebody."""

from http import HTTPStatus

from flask import Response, request

from gateway.account.pages import PageError, form_of_ours, to
from gateway.console.auditors import HOME, Auditor, blueprint, console_page, for_auditors
from gateway.console.searching import is_about_somebody
from gateway.runtime import runtime
from partners.people import saved_searches
from partners.people.saved_searches import LONGEST_NAME, NoRoomError
from partners.texts import is_label
from serializers.search.language import QueryError, read

OPERATION = "audit.saved"


@blueprint.get("/saved")
@for_auditors(OPERATION)
def saved(auditor: Auditor) -> Response:
    """The searches there are."""
    with runtime().database.write.begin() as connection:
        found = saved_searches.saved_for(connection, auditor.person)
        auditor.look(connection, OPERATION)
    return console_page(auditor, "saved.html", searches=found)


@blueprint.post("/saved")
@for_auditors(OPERATION)
def save(auditor: Auditor) -> Response:
    """Save a search, or replace the one of that name."""
    form_of_ours()
    name, query = " ".join(request.form.get("name", "").split()), request.form.get("q", "").strip()
    fault = _fault(name, query)
    if fault is not None:
        raise PageError(HTTPStatus.BAD_REQUEST, "This search cannot be saved", fault)
    with runtime().database.write.begin() as connection:
        try:
            saved_searches.save(connection, auditor.person, name, query)
        except NoRoomError:
            text = f"There are {saved_searches.MOST} already; delete what nobody needs."
            raise PageError(HTTPStatus.CONFLICT, "There is no room", text) from None
        auditor.look(connection, OPERATION)
    return to(f"{HOME}/saved")


@blueprint.post("/saved/delete")
@for_auditors(OPERATION)
def delete_saved(auditor: Auditor) -> Response:
    """Delete a search."""
    form_of_ours()
    number = request.form.get("number", "")
    with runtime().database.write.begin() as connection:
        found = number.isascii() and number.isdecimal() and len(number) < 19  # noqa: PLR2004 - of 64 bits
        if not found or not saved_searches.forget(connection, auditor.person, int(number)):
            raise PageError(HTTPStatus.NOT_FOUND, "There is no such search", "It may have been deleted already.")
        auditor.look(connection, OPERATION)
    return to(f"{HOME}/saved")


def _fault(name: str, query: str) -> str | None:
    if not is_label(name, LONGEST_NAME):
        return f"A name has 1 to {LONGEST_NAME} printable characters."
    try:
        terms = read(query)
    except QueryError as error:
        return str(error)
    if not terms:
        return "It asks for nothing: give it a term."
    if is_about_somebody(terms):
        return "It is about one member, whom an erasure could not remove from it: ask anew, for your case."
    return None
