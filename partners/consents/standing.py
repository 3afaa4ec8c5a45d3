"""Whether a tool may act for a webmaster at this instant: the tool, its token's family, and the webmaster."""

from sqlalchemy import DateTime, Select, Text, bindparam, case, exists, null, or_, select

from partners.literals import text_literal
from partners.standing import CLIENT, CLIENT_VERSION, TOKEN, calls_from_an_allowed_network
from partners.tables.consent import grant_family
from partners.tables.partner import client, denied_token, partner
from partners.vocabulary import Reason, Status

FAMILY = bindparam("caller_family", type_=Text)
PARTNER = bindparam("caller_partner", type_=Text)
NOW = bindparam("caller_now", type_=DateTime(timezone=True))


def standing_of_tool() -> Select[str | None]:
    """Select `denied`: why the tool may not act now, or NULL. No row: no such client, webmaster or consent."""
    owner, tool = partner.alias("owner"), partner.alias("tool")
    active = text_literal(Status.ACTIVE)
    suspended = or_(client.c.status != active, tool.c.status != active, owner.c.status != active)
    outdated = or_(
        client.c.version != CLIENT_VERSION,
        exists(select(denied_token.c.id).where(denied_token.c.id == TOKEN)),
        ~calls_from_an_allowed_network(),
        grant_family.c.ended_at.is_not(None),
        grant_family.c.expires_at <= NOW,
    )
    reasons = [(suspended, text_literal(Reason.SUSPENDED)), (outdated, text_literal(Reason.INVALID_TOKEN))]
    return (
        select(case(*reasons, else_=null()).label("denied"))
        .select_from(
            grant_family.join(client, grant_family.c.client == client.c.id)
            .join(tool, client.c.partner == tool.c.number)
            .join(owner, grant_family.c.partner == owner.c.number)
        )
        .where(grant_family.c.id == FAMILY, client.c.id == CLIENT, owner.c.id == PARTNER)
    )
