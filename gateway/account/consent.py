"""The authorization endpoint (RFC 6749 §4.1, RFC 9126, RFC 9207): a tool asks, and somebody of a webmaster answers."""

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError
from flask import Response, g, request
from sqlalchemy import Connection

from gateway.account.browser import browser
from gateway.account.pages import PageError, blueprint, for_people, form_of_ours, note, page, sign_in_address, to
from gateway.account.tickets import Purpose
from gateway.account.words import WORDS
from gateway.oauth import authorization
from gateway.oauth.authorization import Asked, NotRedirected, RedirectedError, returned_to
from gateway.oauth.clients import RegisteredClient
from gateway.oauth.faults import reason_of
from gateway.oauth.server import authorization_server
from gateway.observability import metrics
from gateway.runtime import runtime
from partners.consents import codes, families, pushed
from partners.consents.codes import Binding
from partners.people.accounts import Person
from partners.registry import terms
from partners.vocabulary import Outcome, PartnerKind, Reason, Scope

_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")
AUTHORIZE, CONSENT = "oauth.authorize", "oauth.consent"


@blueprint.get("/oauth/authorize")
def authorize() -> Response:
    """Read what a tool asks for; ask the person, once signed in, or tell the tool what is wrong with it.

    HEAD reads nothing: a look ahead must not use up what was pushed.
    """
    if request.method == "HEAD":
        return Response()
    try:
        asked = _pushed() or _sent()
    except NotRedirected as error:
        _keep_refusal(None, HTTPStatus.BAD_REQUEST, Reason.UNKNOWN)
        raise PageError(HTTPStatus.BAD_REQUEST, "The tool's request is not valid", str(error)) from None
    except RedirectedError as refused:
        _keep_refusal(refused.client, HTTPStatus.SEE_OTHER, reason_of(refused.error))
        return _back_with_error(refused.error, refused.redirect_uri, refused.state)
    ticket = browser().seal(Purpose.AUTHORIZATION, asked.document())
    return to(f"/oauth/consent?request={ticket}" if browser().person else sign_in_address(ticket))


@blueprint.get("/oauth/consent")
@for_people
def ask_consent(person: Person) -> Response:
    """Say which tool asks for what, in plain words."""
    ticket = request.args.get("request", "")
    client, asked = _pending(person, ticket)
    place = urlsplit(asked.redirect_uri)
    # Browsers hold the policy against the redirect too, and policies know no IPv6 addresses.
    origin = f"//{place.netloc}" if _HOST.fullmatch(place.netloc) else ""
    return page(
        "consent.html",
        leads_to=f"{place.scheme}:{origin}",
        tool=client.registration.partner_name,
        host=place.hostname,
        words=[WORDS[Scope(scope)] for scope in asked.scope.split(" ")],
        days=families.LASTS.days,
        person=person,
        ticket=ticket,
    )


@blueprint.post("/oauth/consent")
@for_people
def decide(person: Person) -> Response:
    """Give the tool a code, or tell it that it was denied; either is on record first."""
    form_of_ours()
    client, asked = _pending(person, request.form.get("request", ""))
    allowed = request.form.get("decision") == "allow"
    with runtime().database.write.begin() as connection:
        code = _code(connection, person, asked) if allowed else None
        outcome = Outcome.RELEASED if allowed else Outcome.DENIED
        note(connection, CONSENT, person, outcome, client=client.get_client_id())
    if not allowed:
        return _back_with_error(AccessDeniedError(), asked.redirect_uri, asked.state)
    issuer = authorization_server().issuer
    return to(returned_to(asked.redirect_uri, code=code, state=asked.state, iss=issuer))


def _pushed() -> Asked | None:
    """What the tool pushed before, if it says so; whatever else stands in the address does not count."""
    if "request_uri" not in request.args:
        return None
    client = authorization.client_of(request.args, authorization_server().find_client)
    uris = request.args.getlist("request_uri")
    with runtime().database.write.begin() as connection:
        kept = pushed.take(connection, uris[0], client=client.get_client_id(), now=g.received_at)
    if kept is None or len(uris) > 1:
        raise NotRedirected("The request_uri is unknown, has run out or was used before. Start again at the tool.")
    return Asked(**kept)


def _sent() -> Asked:
    """What the tool asks by way of the browser, where that is permitted."""
    server = authorization_server()
    client, asked = authorization.read(request.args, server.find_client, issuer=server.issuer)
    if runtime().settings.par_required:
        error = InvalidRequestError("The request has to be pushed (RFC 9126).")
        raise RedirectedError(error, client=client, redirect_uri=asked.redirect_uri, state=asked.state)
    return asked


def _pending(person: Person, ticket: str) -> tuple[RegisteredClient, Asked]:
    """The request that waits for an answer, as long as what it asks for could still be given."""
    if person.kind is not PartnerKind.WEBMASTER:
        raise PageError(HTTPStatus.FORBIDDEN, "This account cannot allow tools", "Only those of webmasters can.")
    held = browser().open(Purpose.AUTHORIZATION, ticket)
    asked = Asked(**held) if held is not None else None
    client = authorization_server().find_client(asked.client) if asked is not None else None
    if asked is None or client is None or not _still_possible(client, asked):
        raise PageError(HTTPStatus.BAD_REQUEST, "This request has run out", "Start again at the tool.")
    return client, asked


def _still_possible(client: RegisteredClient, asked: Asked) -> bool:
    registered = client.check_redirect_uri(asked.redirect_uri) and client.get_allowed_scope(asked.scope) is not None
    return registered and client.registration.may_be_consented_to


def _code(connection: Connection, person: Person, asked: Asked) -> str:
    scopes, now = [Scope(scope) for scope in asked.scope.split(" ")], g.received_at
    if not terms.are_accepted(connection, person.partner, runtime().settings.terms.binding(now)):
        raise PageError(HTTPStatus.FORBIDDEN, "Nothing can be allowed now", "Your company has to accept our new terms.")
    family = families.begin(connection, person, client_id=asked.client, scopes=scopes, now=now)
    if not family.is_alive:
        raise PageError(HTTPStatus.FORBIDDEN, "Nothing can be allowed now", "Your company is not active here.")
    binding = Binding(asked.redirect_uri, asked.challenge, asked.dpop_key)
    return codes.issue(connection, family.id, binding, now=now)


def _keep_refusal(client: RegisteredClient | None, status: HTTPStatus, reason: Reason | None) -> None:
    authorization_server().keep(client, Outcome.DENIED, status=status, reason=reason, operation=AUTHORIZE)
    if reason is not None:
        metrics.denied(reason)


def _back_with_error(error: OAuth2Error, redirect_uri: str, state: str | None) -> Response:
    issuer = authorization_server().issuer
    description = error.description or None
    address = returned_to(redirect_uri, error=str(error.error), error_description=description, state=state, iss=issuer)
    return to(address)
