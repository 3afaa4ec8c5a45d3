"""The campaigns of webmasters, which members' referrals and traffic are counted under."""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from partners.registry import RegistryError, partners
from partners.tables.partner import campaign, partner
from partners.vocabulary import PartnerKind

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True)
class Campaign:
    """A webmaster's campaign."""

    webmaster: str
    code: str
    name: str


def of(connection: Connection, webmaster: str) -> list[Campaign]:
    """Return a webmaster's campaigns in order of their codes."""
    rows = connection.execute(
        select(campaign.c.code, campaign.c.name)
        .join(partner, partner.c.number == campaign.c.partner)
        .where(partner.c.id == webmaster)
        .order_by(campaign.c.code)
    )
    return [Campaign(webmaster, row.code, row.name) for row in rows]


def add(connection: Connection, new: Campaign) -> Campaign:
    """Register a campaign; raise `RegistryError` if a value is unfit or the code is taken."""
    owner = partners.get(connection, new.webmaster)
    if owner.kind is not PartnerKind.WEBMASTER:
        raise RegistryError(f"{new.webmaster} is no webmaster; only webmasters have campaigns")
    if not _CODE.fullmatch(new.code):
        raise RegistryError("a campaign's code has 1 to 64 letters, digits or the characters . _ -")
    if not (new.name.strip() and len(new.name) <= partners.LONGEST_TEXT and new.name.isprintable()):
        raise RegistryError(f"the name has 1 to {partners.LONGEST_TEXT} printable characters")
    taken = select(campaign.c.number).where(campaign.c.partner == owner.number, campaign.c.code == new.code)
    if connection.execute(taken).first() is not None:
        raise RegistryError(f"{new.webmaster} has a campaign {new.code} already")
    connection.execute(insert(campaign).values(partner=owner.number, code=new.code, name=new.name))
    return new
