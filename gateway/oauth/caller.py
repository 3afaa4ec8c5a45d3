"""Who makes a request, as its access token tells."""

from dataclasses import dataclass

from partners.vocabulary import PartnerKind, Scope


@dataclass(frozen=True)
class Caller:
    """A verified token's bearer; whether it may still act, `partners.standing` decides at the instant of reading."""

    audience: PartnerKind
    partner: str
    """The partner's id."""
    client: str
    client_version: int
    token: str
    """The token's `jti`."""
    scopes: frozenset[Scope]
    model: str | None = None
    """The model a model center acts for: the token's `sub`, never a parameter."""
    kid: str | None = None
    """The id of the key its token is signed with; nothing before it is."""
    family: str | None = None
    """The consent by which a tracker acts as `partner`, a webmaster; every tracker's token has one."""
