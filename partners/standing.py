"""Whether a caller may act at this instant: one expression, asked by the guard and inside every release."""

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    null,
    or_,
    select,
    table,
)
from sqlalchemy import column as named_column
from sqlalchemy.dialects.postgresql import ARRAY, INET

from partners.postgres.literals import number_literal, text_literal, texts_literal
from partners.tables.consent import grant_family
from partners.tables.partner import client, denied_token, partner
from partners.vocabulary import EEA, Reason, Status

CLIENT = bindparam("caller_client", type_=Text)
CLIENT_VERSION = bindparam("caller_version", type_=Integer)
TOKEN = bindparam("caller_token", type_=Text)
SIGNING_KEY = bindparam("caller_key", type_=Text)
ADDRESS = bindparam("caller_address", type_=INET)
FAMILY = bindparam("caller_family", type_=Text)
OWNER = bindparam("caller_partner", type_=Text)
CALLER_NOW = bindparam("caller_now", type_=DateTime(timezone=True))
_INETS = ARRAY(INET)
_CALLER: FromClause = table("caller", named_column("number"), named_column("denied"))

CALLER_NUMBER: ColumnElement[int] = (
    select(_CALLER.c.number).where(_CALLER.c.denied.is_(None)).correlate(None).scalar_subquery()
)
"""In a statement with `standing` as its `caller`: the partner's number, or NULL where it may not act."""


def may_have_member_rows() -> ColumnElement[bool]:
    """R28, R29: terms accepted (a token asks for the current ones), and inside the EEA or with a recorded safeguard."""
    return and_(
        partner.c.terms_accepted_at.is_not(None),
        or_(partner.c.country == any_(texts_literal(EEA)), partner.c.safeguard.is_not(None)),
    )


def calls_from_an_allowed_network() -> ColumnElement[bool]:
    """Hold where the client has no allow-list or the caller's address lies in it."""
    return or_(
        func.cardinality(client.c.allowed_networks) == number_literal(0),
        func.coalesce(ADDRESS.op("<<=", is_comparison=True)(any_(cast(client.c.allowed_networks, _INETS))), false()),
    )


def standing(*, member_rows: bool) -> Select[int | None, str | None]:
    """Select in one row, whoever asks, the caller's partner number and `denied`: why it may not act, or NULL.

    `member_rows` says whether the request is for data of single members; what is not, a tool may ask for too, and then
    the number is that of the webmaster who consented.
    """
    if not member_rows:
        return _standing_for_sums()
    reasons = [
        (client.c.id.is_(None), text_literal(Reason.INVALID_TOKEN)),
        (_suspended(), text_literal(Reason.SUSPENDED)),
        (_outdated(), text_literal(Reason.INVALID_TOKEN)),
        (~may_have_member_rows(), text_literal(Reason.INSUFFICIENT_SCOPE)),
    ]
    asking = client.join(partner, client.c.partner == partner.c.number)
    return select(partner.c.number, case(*reasons, else_=null()).label("denied")).select_from(
        _anyone().outerjoin(asking, client.c.id == CLIENT)
    )


def status_of(denied: ColumnElement[str]) -> ColumnElement[int]:
    """The HTTP status with which a denial is answered, by its reason."""
    return case((denied == text_literal(Reason.INSUFFICIENT_SCOPE), number_literal(403)), else_=number_literal(401))


def _standing_for_sums() -> Select[int | None, str | None]:
    """A token with a family is a tool's: tool, consent and webmaster must all be alive."""
    owner, by_consent = partner.alias("owner"), FAMILY.is_not(None)
    not_theirs = and_(by_consent, owner.c.number.is_(None))
    ended = or_(grant_family.c.ended_at.is_not(None), grant_family.c.expires_at <= CALLER_NOW)
    inactive = owner.c.status != text_literal(Status.ACTIVE)
    reasons = [
        (or_(client.c.id.is_(None), not_theirs), text_literal(Reason.INVALID_TOKEN)),
        (or_(_suspended(), inactive), text_literal(Reason.SUSPENDED)),
        (or_(_outdated(), ended), text_literal(Reason.INVALID_TOKEN)),
    ]
    asking = client.join(partner, client.c.partner == partner.c.number)
    consent = grant_family.join(owner, grant_family.c.partner == owner.c.number)
    own = and_(grant_family.c.id == FAMILY, grant_family.c.client == client.c.id, owner.c.id == OWNER)
    number = case((by_consent, owner.c.number), else_=partner.c.number).label("number")
    return select(number, case(*reasons, else_=null()).label("denied")).select_from(
        _anyone().outerjoin(asking, client.c.id == CLIENT).outerjoin(consent, own)
    )


def _anyone() -> FromClause:
    return select(number_literal(1).label("asks")).subquery("anyone")


def _suspended() -> ColumnElement[bool]:
    active = text_literal(Status.ACTIVE)
    return or_(client.c.status != active, partner.c.status != active)


def _outdated() -> ColumnElement[bool]:
    return or_(
        client.c.version != CLIENT_VERSION,
        exists(select(denied_token.c.id).where(denied_token.c.id.in_([TOKEN, SIGNING_KEY]))),
        ~calls_from_an_allowed_network(),
    )
