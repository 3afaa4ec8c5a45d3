"""The guard before every data path: who calls, for which audience, with which scope; a denial is recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, TypeVar

from flask import g, request
from sqlalchemy import Connection

from gateway.http import limits
from gateway.http.negotiation import form_wanted
from gateway.http.problems import Problem, too_many_requests
from gateway.oauth import challenges
from gateway.oauth.address import caller_address
from gateway.oauth.caller import Caller
from gateway.oauth.jose import Untrusted
from gateway.oauth.possession import BEARER_SCHEME, SCHEMES, fault_of_possession
from gateway.oauth.tokens import access_tokens
from gateway.observability import metrics
from gateway.records import access_of
from gateway.runtime import runtime
from partners.access_log.append import record
from partners.registry.credentials import MEMBER_ROW_SCOPES
from partners.standing import standing
from partners.vocabulary import Outcome, PartnerKind, Purpose, Reason, Scope, Work

P = ParamSpec("P")
R = TypeVar("R")
_STANDING = {member_rows: standing(member_rows=member_rows) for member_rows in (False, True)}


@dataclass(frozen=True)
class Guard:
    """What a path asks of its callers."""

    kind: PartnerKind
    scope: Scope
    operation: str
    purpose: Purpose
    live: bool
    """Whether the caller's standing is asked here (suspension, version, revocation, network, R28, R29).

    Otherwise the release statement asks it itself.
    """
    or_scope: Scope | None = None
    """Another scope that will do as well."""
    beside: Scope | None = None
    """A scope that is needed too, and that the guard which let the caller in has asked for."""
    work: Work | None = None
    """What a request counts as; nothing is never limited, such as the platform's feed."""
    streams: bool = False
    """Whether the whole list may be asked for as lines; that counts as an export."""
    for_tools: bool = False
    """Whether trackers are let in too, as the webmaster who consented: to sums, never to member rows."""

    def __post_init__(self) -> None:
        """No standing for member rows asks after a consent."""
        if self.for_tools and self.scope in MEMBER_ROW_SCOPES:
            raise ValueError("member rows are not for tools")

    @property
    def needed(self) -> tuple[Scope, ...]:
        """The scopes that a token must have for this."""
        return (self.scope,) if self.beside is None else (self.beside, self.scope)

    def admit(self) -> Caller:
        """Return the caller of the current request; record and raise the refusal if there is none to be let in."""
        header = request.headers.get("Authorization", "")
        scheme, _, token = header.partition(" ")
        scheme, token = scheme.lower(), token.strip()
        if scheme not in SCHEMES or not token:
            raise self._denied(None, Reason.INVALID_TOKEN, challenges.no_token())
        try:
            presented = access_tokens().read(token, g.received_at)
        except Untrusted:
            raise self._denied(None, Reason.INVALID_TOKEN, challenges.invalid_token()) from None
        caller = presented.caller
        g.client = caller.client
        if presented.thumbprint is not None or scheme != BEARER_SCHEME:
            fault = fault_of_possession(presented, token, scheme)
            if fault is not None:
                raise self._denied(caller, Reason.INVALID_TOKEN, fault)
        self.require(caller)
        self._limit(caller)
        return caller

    def require(self, caller: Caller) -> None:
        """Refuse, on record, a caller whom this guard would not let in; also asked of one whom another let in."""
        reason = self._reason_against(caller)
        if reason is not None:
            lacks_model = caller.audience is self.kind and self._lacks_model(caller)
            refused = challenges.no_model() if lacks_model else challenges.refusal(reason, *self.needed)
            raise self._denied(caller, reason, refused)

    def _limit(self, caller: Caller) -> None:
        work = Work.EXPORTS if self.streams and form_wanted() is not None else self.work
        if work is None:
            return
        try:
            limits.spend(work, client=caller.client, partner=caller.partner)
        except limits.LimitReachedError:
            with runtime().database.write.begin() as connection:
                self.note(connection, caller, outcome=Outcome.LIMITED, status=HTTPStatus.TOO_MANY_REQUESTS)
            raise too_many_requests(limits.retry_after()) from None

    def note(
        self,
        connection: Connection,
        caller: Caller,
        *,
        outcome: Outcome = Outcome.RELEASED,
        status: int = HTTPStatus.OK,
        reason: Reason | None = None,
        members: Sequence[int] = (),
        policy_version: str | None = None,
    ) -> None:
        """Put the current request on record, in the transaction that answers it: no record, no answer."""
        access = access_of(self.operation, self.purpose, caller, policy_version)
        record(connection, access, outcome=outcome, status=status, reason=reason, members=members)

    def _reason_against(self, caller: Caller) -> Reason | None:
        as_webmaster = self.for_tools and caller.audience is PartnerKind.TRACKER
        if not (caller.audience is self.kind or as_webmaster) or caller.scopes.isdisjoint({self.scope, self.or_scope}):
            return Reason.INSUFFICIENT_SCOPE
        if self._lacks_model(caller):
            return Reason.INSUFFICIENT_SCOPE
        return reason_against(caller, member_rows=self.scope in MEMBER_ROW_SCOPES) if self.live else None

    def _lacks_model(self, caller: Caller) -> bool:
        return self.kind is PartnerKind.MODEL_CENTER and caller.model is None

    def _denied(self, caller: Caller | None, reason: Reason, problem: Problem) -> Problem:
        access = access_of(self.operation, self.purpose, caller)
        with runtime().database.write.begin() as connection:
            record(connection, access, outcome=Outcome.DENIED, status=problem.status, reason=reason)
        metrics.denied(reason)
        return problem


def guarded_by(guard: Guard) -> Callable[[Callable[Concatenate[Caller, P], R]], Callable[P, R]]:
    """Let a guard stand before a view, which gets the `Caller` as its first argument.

    The view carries the guard as `guard`, so that a test can prove it has one.
    """

    def decorate(view: Callable[Concatenate[Caller, P], R]) -> Callable[P, R]:
        @wraps(view)
        def admitted(*args: P.args, **kwargs: P.kwargs) -> R:
            return view(guard.admit(), *args, **kwargs)

        admitted.guard = guard  # type: ignore[attr-defined]
        return admitted

    return decorate


def standing_parameters(caller: Caller) -> dict[str, Any]:
    """Return the values for the bind parameters of `partners.standing`."""
    return {
        "caller_client": caller.client,
        "caller_version": caller.client_version,
        "caller_token": caller.token,
        "caller_key": caller.kid,
        "caller_address": caller_address(),
        "caller_family": caller.family,
        "caller_partner": caller.partner,
        "caller_now": g.received_at,
    }


def reason_against(caller: Caller, *, member_rows: bool) -> Reason | None:
    """Ask the caller's standing: why it may not act now, or nothing."""
    with runtime().database.write.connect() as connection:
        row = connection.execute(_STANDING[member_rows], standing_parameters(caller)).one()
    return Reason(row.denied) if row.denied is not None else None
