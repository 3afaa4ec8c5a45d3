"""Loading who has which username, and which are blocked."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from partners.feed.names import Former, Holder, Names
from partners.feed.parameters import among, as_values
from partners.keyring import Digest, Keyring
from partners.tables.member import former_username, member

_HOLDERS = select(member.c.username_key, member.c.id, member.c.erased).where(among(member.c.username_key))
_FORMER = (
    select(former_username.c.digest, former_username.c.blocked_until, member.c.id, member.c.number)
    .outerjoin(member, member.c.number == former_username.c.member)
    .where(among(former_username.c.digest))
)


def load_names(connection: Connection, keys: Iterable[str], keyring: Keyring, now: datetime) -> Names:
    """Return what is known about usernames."""
    digests = {keyring.digest(Digest.USERNAME, key): key for key in keys}
    if not digests:
        return Names({}, {}, now=now)
    holders = connection.execute(_HOLDERS, as_values(digests.values())).all()
    return Names(
        {row.username_key: Holder(row.id, row.erased) for row in holders}, _former(connection, digests), now=now
    )


def _former(connection: Connection, digests: Mapping[bytes, str]) -> dict[str, Former]:
    rows = connection.execute(_FORMER, as_values(digests)).all()
    return {digests[bytes(row.digest)]: Former(row.blocked_until, row.id, row.number) for row in rows}
