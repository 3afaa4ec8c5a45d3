"""The grants by which a tracker acts for the webmaster who consented: code (RFC 6749 §4.1, RFC 7636) and refresh."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from typing import cast

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidRequestError,
    InvalidScopeError,
    TokenEndpointMixin,
)
from flask import g, request
from sqlalchemy import Connection

from gateway.oauth.clients import AUTHORIZATION_CODE, REFRESH_TOKEN, RegisteredClient
from gateway.oauth.faults import GrantNotHeld, GrantRefused, InvalidProofError, Replayed
from gateway.oauth.grants import AUTH_METHODS, TokenAnswer
from gateway.oauth.resources import RESOURCE, check_resources
from gateway.oauth.tokens import LIFETIME
from gateway.records import access_of
from partners.access_log.append import record
from partners.consents import codes, ending, families, refresh
from partners.consents.codes import Code
from partners.consents.ending import EndedBy
from partners.consents.families import Family
from partners.consents.refresh import Held, Use
from partners.registry import terms
from partners.vocabulary import Outcome, Purpose, Reason

TOKEN, REFRESH, REPLAY = "oauth.token", "oauth.refresh", "oauth.replay"
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True)
class Consented:
    """As whom a tracker acts, by which consent."""

    partner: str
    family: str
    expires_at: float
    """Unix seconds."""

    def lifetime(self, now: float) -> int:
        """For how many seconds a token of this consent lives from now (Unix seconds) on."""
        return min(int(LIFETIME.total_seconds()), int(self.expires_at - now))


class _ConsentGrant(BaseGrant, TokenEndpointMixin):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def authenticated(self, *needed: str) -> RegisteredClient:
        """Authenticate the client before anything it presents is looked at."""
        client = cast("RegisteredClient", self.authenticate_token_endpoint_client())
        if not client.check_grant_type(str(self.GRANT_TYPE)):
            raise GrantNotHeld(client)
        missing = [name for name in needed if not request.form.get(name)]
        if missing:
            raise InvalidRequestError(f"This grant needs {missing[0]}.")
        check_resources(request.form.getlist(RESOURCE), self.server.issuer)
        return client

    @property
    def thumbprint(self) -> str | None:
        """Of the key that the authenticated client has proved to hold, for the access token to be bound to.

        The refresh token is bound to the client's credentials alone: the next key may be another (RFC 9449 §5).
        """
        return cast("RegisteredClient", self.request.client).thumbprint

    def hand_out(
        self, connection: Connection, family: Family, *, scope: str, operation: str, predecessor: bytes | None = None
    ) -> TokenAnswer:
        """Make both tokens and their record in the transaction that used up what they are given for."""
        if not terms.are_accepted(connection, family.partner, self.server.terms.binding(g.received_at)):
            raise GrantRefused
        consented = Consented(family.partner, family.id, family.expires_at.timestamp())
        token = self.generate_token(user=consented, scope=scope, include_refresh_token=False)
        answer = {**token, "refresh_token": refresh.issue(connection, family.id, predecessor)}
        families.note_use(connection, family.id, dpop_bound=self.thumbprint is not None, now=g.received_at)
        self.note(connection, family, operation, Outcome.RELEASED)
        return 200, answer, self.TOKEN_RESPONSE_HEADER

    def end(self, connection: Connection, family: Family, by: EndedBy) -> None:
        """End a family whose code or token was presented again, on record."""
        ending.end(connection, family.id, by)
        self.note(connection, family, REPLAY, Outcome.DENIED)

    def note(self, connection: Connection, family: Family, operation: str, outcome: Outcome) -> None:
        """Put on record what became of a request about a family: whose data, and which client."""
        denied = outcome is Outcome.DENIED
        kind = cast("RegisteredClient", self.request.client).registration.kind
        access = access_of(operation, Purpose.OPERATION)
        access = replace(access, audience=kind, partner=family.partner, client=family.client)
        reason = Reason.INVALID_TOKEN if denied else None
        record(connection, access, outcome=outcome, status=400 if denied else 200, reason=reason)


class CodeGrant(_ConsentGrant):
    """A code is exchanged once, by the client, redirect URI and verifier it is bound to."""

    GRANT_TYPE = AUTHORIZATION_CODE
    _code: Code

    def validate_token_request(self) -> None:
        """Authenticate, and see that the code belongs to this request: only then is a second use a replay."""
        client = self.authenticated("code", "redirect_uri", "code_verifier")
        with self.server.engine.connect() as connection:
            code = codes.find(connection, request.form["code"])
        if code is None or code.client != client.get_client_id():
            raise GrantRefused
        bound = code.binding
        if request.form["redirect_uri"] != bound.redirect_uri or not _proves(bound.challenge):
            raise GrantRefused
        if bound.dpop_key not in {None, self.thumbprint}:
            raise GrantRefused
        self._code = code

    def create_token_response(self) -> TokenAnswer:  # type: ignore[override]
        """Use the code up and answer with both tokens, or end the family if it was used before."""
        with self.server.engine.begin() as connection:
            answer = self._redeemed(connection, self._code)
        if answer is None:
            raise Replayed
        return answer

    def _redeemed(self, connection: Connection, code: Code) -> TokenAnswer | None:
        family = families.get(connection, code.family, now=g.received_at, lock=True)
        fresh = codes.redeem(connection, code, now=g.received_at)
        if not fresh and codes.was_used(connection, code):
            self.end(connection, family, EndedBy.CODE_REPLAY)
            return None
        if not fresh or not family.is_alive:
            raise GrantRefused
        return self.hand_out(connection, family, scope=" ".join(family.scopes), operation=TOKEN)


class RefreshGrant(_ConsentGrant):
    """A refresh token is exchanged for both tokens anew; reuse ends the family."""

    GRANT_TYPE = REFRESH_TOKEN
    _held: Held

    def validate_token_request(self) -> None:
        """Authenticate; another client's token is refused and its family left unharmed."""
        client = self.authenticated("refresh_token")
        with self.server.engine.connect() as connection:
            held = refresh.find(connection, request.form["refresh_token"])
        if held is None or held.client != client.get_client_id():
            raise GrantRefused
        self._held = held

    def create_token_response(self) -> TokenAnswer:  # type: ignore[override]
        """Rotate, under the family's lock: of parallel uses one successor is left that works."""
        with self.server.engine.begin() as connection:
            answer = self._rotated(connection, self._held)
        if answer is None:
            raise Replayed
        return answer

    def _rotated(self, connection: Connection, held: Held) -> TokenAnswer | None:
        family = families.get(connection, held.family, now=g.received_at, lock=True)
        scope = _narrowed(family)
        if not family.is_alive:
            raise GrantRefused
        if family.dpop_bound and self.thumbprint is None:
            raise InvalidProofError("The tokens of this consent are bound to a key: send a DPoP proof.")
        use = refresh.use(connection, held, now=g.received_at)
        if use is Use.REUSED:
            self.end(connection, family, EndedBy.TOKEN_REUSE)
            return None
        if use is Use.REFUSED:
            raise GrantRefused
        return self.hand_out(connection, family, scope=scope, operation=REFRESH, predecessor=held.digest)


def _proves(challenge: str) -> bool:
    verifier = request.form["code_verifier"]
    if not _VERIFIER.fullmatch(verifier):
        return False
    digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def _narrowed(family: Family) -> str:
    """The scope asked for, which may be less than what was consented to and never more (RFC 6749 §6)."""
    asked = request.form.get("scope") or " ".join(family.scopes)
    if not set(asked.split(" ")) <= set(family.scopes):
        raise InvalidScopeError
    return asked
