"""What the token endpoint needs to know about a client, in one question: how it proves itself and what bars it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    DateTime,
    Select,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
)

from partners.registry import client_use, terms
from partners.standing import calls_from_an_allowed_network, may_have_member_rows
from partners.tables.partner import client, client_secret, partner
from partners.vocabulary import AuthMethod, PartnerKind, Reason, Scope, Status

MEMBER_ROW_SCOPES = frozenset({Scope.MEMBERS_READ, Scope.CARDS_READ, Scope.CARDS_SENSITIVE_READ})
"""Scopes for data of single members, which no partner outside the EEA has without a safeguard (R29)."""


@dataclass(frozen=True)
class Registration:
    """A client as it is registered, and whether it may have a token now."""

    client: str
    version: int
    partner: str
    partner_name: str
    kind: PartnerKind
    auth_method: AuthMethod
    scopes: tuple[Scope, ...]
    """Those it may hold now: the registered ones, less what R29 withholds."""
    jwks: Mapping[str, Any] | None
    redirect_uris: tuple[str, ...]
    dpop_bound: bool
    """Whether it gets no token that is not bound to a key (RFC 9449 §5.2)."""
    secret_digests: tuple[bytes, ...] = field(repr=False)
    barrier: Reason | None
    """Why it may have no token, or nothing."""
    is_dormant: bool = False
    """Whether that is because nobody used it for 90 days, and it has not lapsed yet."""
    use_to_be_noted: bool = False
    unnoted_digests: frozenset[bytes] = field(default=frozenset(), repr=False)
    """Digests of secrets whose use now would tell more than what is noted."""

    @property
    def may_be_consented_to(self) -> bool:
        """Whether users may be asked for it: their browsers call from elsewhere than its allowed networks."""
        return self.barrier in {None, Reason.INVALID_TOKEN}


def _statement() -> Select[Any]:
    now = bindparam("now", type_=DateTime(timezone=True))
    live = and_(
        client_secret.c.client == client.c.id,
        or_(client_secret.c.expires_at.is_(None), client_secret.c.expires_at > now),
    )
    unnoted = and_(live, client_use.is_to_be_noted(client_secret.c.last_used_at, now))
    inactive = (client.c.status != Status.ACTIVE, partner.c.status != Status.ACTIVE, client_use.is_dormant(now))
    barrier = case(
        (or_(*inactive), literal(Reason.SUSPENDED)),
        # R28: without the current terms no token.
        (terms.are_lacking(), literal(Reason.INSUFFICIENT_SCOPE)),
        (~calls_from_an_allowed_network(), literal(Reason.INVALID_TOKEN)),
        else_=null(),
    )
    return (
        select(
            *client.c["id", "version", "auth_method", "scopes", "jwks", "redirect_uris", "dpop_bound"],
            partner.c.id.label("partner"),
            partner.c.name,
            partner.c.kind,
            barrier.label("barrier"),
            may_have_member_rows().label("member_rows"),
            func.array(select(client_secret.c.digest).where(live).scalar_subquery()).label("digests"),
            func.array(select(client_secret.c.digest).where(unnoted).scalar_subquery()).label("unnoted"),
            client_use.is_dormant(now).label("dormant"),
            client_use.is_to_be_noted(client.c.last_used_at, now).label("to_be_noted"),
        )
        .select_from(client.join(partner, client.c.partner == partner.c.number))
        .where(client.c.id == bindparam("client", type_=Text))
    )


_REGISTRATION = _statement()


def registration(
    connection: Connection, client_id: str, *, address: str | None, now: datetime, binding_terms: str | None = None
) -> Registration | None:
    """Return how a client is registered; `address` is the caller's, `now` the real clock.

    `binding_terms` is the version its partner must have accepted, nothing while any will do.
    """
    asked = {"client": client_id, "caller_address": address, "now": now, "terms": binding_terms}
    row = connection.execute(_REGISTRATION, asked).one_or_none()
    if row is None:
        return None
    scopes = (Scope(scope) for scope in row.scopes)
    return Registration(
        client=row.id,
        version=row.version,
        partner=row.partner,
        partner_name=row.name,
        kind=PartnerKind(row.kind),
        auth_method=AuthMethod(row.auth_method),
        scopes=tuple(scope for scope in scopes if row.member_rows or scope not in MEMBER_ROW_SCOPES),
        jwks=row.jwks,
        redirect_uris=tuple(row.redirect_uris),
        dpop_bound=row.dpop_bound,
        secret_digests=tuple(bytes(digest) for digest in row.digests),
        barrier=Reason(row.barrier) if row.barrier else None,
        is_dormant=row.dormant,
        use_to_be_noted=row.to_be_noted,
        unnoted_digests=frozenset(bytes(digest) for digest in row.unnoted),
    )
