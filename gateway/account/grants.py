"""What a webmaster allows, to be looked at and taken back."""

from http import HTTPStatus

from flask import Response, g, request

from gateway.account.pages import PageError, blueprint, for_people, form_of_ours, home, note, page, to
from gateway.account.words import WORDS
from gateway.runtime import runtime
from partners.consents import ending, families
from partners.consents.ending import EndedBy
from partners.people.accounts import Person
from partners.vocabulary import Outcome

OPERATION = "oauth.withdraw"


@blueprint.get("/account")
@for_people
def show_grants(person: Person) -> Response:
    """List every tool that acts for the person's company; whose home is elsewhere is sent there."""
    if home() != "/account":
        return to(home())
    with runtime().database.write.connect() as connection:
        grants = families.of_partner(connection, person.partner, now=g.received_at)
    return page("grants.html", person=person, grants=grants, words=WORDS, withdrawn="withdrawn" in request.args)


@blueprint.post("/account/withdraw")
@for_people
def withdraw(person: Person) -> Response:
    """Take back what was allowed: the tool's very next request fails."""
    form_of_ours()
    wanted = request.form.get("grant", "")
    with runtime().database.write.begin() as connection:
        own = families.of_partner(connection, person.partner, now=g.received_at, unused=True)
        grant = next((grant for grant in own if grant.id == wanted), None)
        if grant is None:
            raise PageError(HTTPStatus.NOT_FOUND, "There is no such tool", "It may have been withdrawn already.")
        # Its leave is taken back, however often it was allowed, and also where it has a code still to redeem.
        for each in own:
            if each.client == grant.client:
                ending.end(connection, each.id, EndedBy.WITHDRAWAL)
        note(connection, OPERATION, person, Outcome.RELEASED, client=grant.client)
    return to("/account?withdrawn=1")
