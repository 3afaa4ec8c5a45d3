"""The terms that partners accept (R28): which version binds from when on, and who has accepted it."""

import re
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, and_, bindparam, exists, or_, select

from partners.registry import RegistryError, partners
from partners.registry.partners import Partner
from partners.tables.partner import partner

FIRST_VERSION = "1"
BINDING = bindparam("terms", type_=Text)
"""The version that must have been accepted, or NULL while any will do."""
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")


@dataclass(frozen=True)
class Terms:
    """The current version; until it binds, whoever accepted one before keeps getting tokens."""

    version: str = FIRST_VERSION
    binding_from: datetime | None = None
    """Nothing: at once."""

    def binding(self, now: datetime) -> str | None:
        """Return the version that must have been accepted by now, or nothing while any will do."""
        return self.version if self.binding_from is None or self.binding_from <= now else None


def check_version(text: str) -> str:
    """Return the name of a version; raise `RegistryError` if it is none."""
    if not _VERSION.fullmatch(text):
        raise RegistryError("a version of the terms has 1 to 32 letters, digits or the characters . _ -, as in 2026-11")
    return text


def are_lacking() -> ColumnElement[bool]:
    """Hold if a partner has accepted no terms, or others than those that bind."""
    outdated = and_(BINDING.is_not(None), partner.c.terms_version != BINDING)
    return or_(partner.c.terms_accepted_at.is_(None), outdated)


def are_accepted(connection: Connection, partner_id: str, binding: str | None) -> bool:
    """Whether a partner may have tokens as far as the terms go."""
    accepted = exists().where(partner.c.id == partner_id, ~are_lacking())
    return bool(connection.execute(select(accepted), {"terms": binding}).scalar_one())


def accept(
    connection: Connection, partner_id: str, version: str, *, at: datetime, now: datetime, binding: str | None = None
) -> Partner:
    """Record that a partner accepted a version, and when; raise `RegistryError` for a day to come.

    One version is kept of each partner: where one binds, another in its place would bar the partner, and is refused.
    """
    if at > now:
        raise RegistryError("the terms cannot have been accepted on a day to come")
    if binding not in {None, version}:
        raise RegistryError(f"the terms that bind are {binding}; who accepts {version} instead would get no tokens")
    held = partners.get(connection, partner_id, lock=True)
    return partners.change(connection, replace(held, terms_accepted_at=at, terms_version=check_version(version)))
