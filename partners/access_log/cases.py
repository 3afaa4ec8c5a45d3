"""Cases: why somebody looks at the log. Part of the record of each look, and so never a free text (R45)."""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, exists, or_, select

from partners.tables.member import member
from partners.usernames import fold
from partners.vocabulary import CasePurpose

LONGEST_NUMBER = 64
_NUMBER = re.compile(rf"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9._/#-]{{0,{LONGEST_NUMBER - 1}}}")


@dataclass(frozen=True)
class Case:
    """What a look at the log is for."""

    number: str
    """As the security team's own records call it, such as `SEC-1042`."""
    purpose: CasePurpose

    def __post_init__(self) -> None:
        """Raise `ValueError` for a number that is none: nobody's name or address may get into the sealed log."""
        if not is_number(self.number):
            raise ValueError("not the number of a case")


def is_number(text: str) -> bool:
    """Whether a case could be called that: 1 to 64 letters, digits or `. _ / # -`, and a digit among them."""
    return _NUMBER.fullmatch(text) is not None


def names_a_member(connection: Connection, number: str) -> bool:
    """Whether a member has this id, or a username that is one and the same: it must not get into the sealed log."""
    named = exists().where(or_(member.c.id == number, member.c.username_key == fold(number)))
    return bool(connection.scalar(select(named)))
