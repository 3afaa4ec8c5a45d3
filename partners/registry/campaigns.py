"""The campaigns of webmasters, which members' referrals and traffic are counted under."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, func, insert, select

from partners.answering import PLACE, Found, answer_statement
from partners.postgres.prepared import Row
from partners.registry import RegistryError, partners
from partners.standing import CALLER_NUMBER
from partners.tables.partner import campaign
from partners.texts import is_label
from partners.vocabulary import PartnerKind

_CODE = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Campaign:
    """A webmaster's campaign."""

    webmaster: str
    code: str
    name: str


def add(connection: Connection, new: Campaign) -> Campaign:
    """Register a campaign; raise `RegistryError` if a value is unfit or the code is taken."""
    owner = partners.get(connection, new.webmaster, lock=True)
    if owner.kind is not PartnerKind.WEBMASTER:
        raise RegistryError(f"{new.webmaster} is no webmaster; only webmasters have campaigns")
    if not _CODE.fullmatch(new.code):
        # Statistics read `-spring` as all but `spring`.
        raise RegistryError("a campaign's code has 1 to 64 letters, digits or characters . _ -, and begins with no -")
    if not is_label(new.name, partners.LONGEST_TEXT):
        raise RegistryError(f"the name has 1 to {partners.LONGEST_TEXT} printable characters")
    taken = select(campaign.c.number).where(campaign.c.partner == owner.number, campaign.c.code == new.code)
    if connection.execute(taken).first() is not None:
        raise RegistryError(f"{new.webmaster} has a campaign {new.code} already")
    connection.execute(insert(campaign).values(partner=owner.number, code=new.code, name=new.name))
    return new


def listed(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Read the rows of `LISTING`: codes and names, in order of the codes."""
    return [(code, name) for _outcome, _reason, place, code, name in rows if place is not None]


def _own() -> Found:
    place = func.row_number().over(order_by=campaign.c.code).label(PLACE)
    rows = select(place, campaign.c.code, campaign.c.name).where(campaign.c.partner == CALLER_NUMBER).cte("found")
    return Found(rows, exists(select(rows.c[PLACE])))


LISTING = answer_statement(_own(), member_rows=False)
"""The statement that lists the caller's own campaigns, and records it."""
