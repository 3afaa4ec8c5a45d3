"""A member's privacy settings: read them, and change them so that the change is later than anything stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from partners.stamps import later_than
from partners.tables.member import member, member_stamp, profile
from partners.vocabulary import ItemVisibility, MaskVisibility, ProfileItem, Reason, Visibility

ITEMS = "profile_item_visibility"
OPTING_OUT = {"affiliate_sharing": Reason.OPTED_OUT, "service_consent": Reason.CONSENT_WITHDRAWN}
"""Choices whose withdrawal the access log tells, under this reason."""


@dataclass(frozen=True)
class Privacy:
    """All settings of one member, as `member.privacy_changed` names them."""

    profile_visibility: Visibility
    mask_visibility: MaskVisibility
    share_regular_payer: bool
    affiliate_sharing: bool
    loyalty_participation: bool
    service_consent: bool
    profile_item_visibility: Mapping[ProfileItem, ItemVisibility]


@dataclass(frozen=True)
class PrivacyChange:
    """The settings that are to change; nothing means that one stays as it is."""

    profile_visibility: Visibility | None = None
    mask_visibility: MaskVisibility | None = None
    share_regular_payer: bool | None = None
    affiliate_sharing: bool | None = None
    loyalty_participation: bool | None = None
    service_consent: bool | None = None
    profile_item_visibility: Mapping[ProfileItem, ItemVisibility] = field(default_factory=dict)

    def of_member(self) -> dict[str, Any]:
        """New values by column of `member`; the columns are named as the settings are."""
        return {name: value for name in SETTINGS if (value := getattr(self, name)) is not None}

    def of_profile(self) -> dict[str, Any]:
        """New values by column of `profile`."""
        return {f"{item}_visibility": value for item, value in self.profile_item_visibility.items()}

    def attributes(self) -> Iterator[str]:
        """What is written, in the words in which `member_stamp` remembers it."""
        yield from self.of_member()
        yield from (item_attribute(item) for item in self.profile_item_visibility)


SETTINGS = tuple(setting.name for setting in fields(Privacy) if setting.name != ITEMS)
"""The settings that are one value each; the names are also those of columns of `member`."""


def item_attribute(item: ProfileItem) -> str:
    """The name under which the stamp of an item's own visibility is kept."""
    return f"{ITEMS}.{item}"


CHOICES: Mapping[str, Column[Any]] = {
    **{name: member.c[name] for name in SETTINGS},
    **{item_attribute(item): profile.c[f"{item}_visibility"] for item in ProfileItem},
}
"""Where each setting is stored, under the name by which `member_stamp` remembers its last writer."""


def privacy_of(connection: Connection, member_number: int) -> Privacy:
    """Read all settings of a member; raise `sqlalchemy.exc.NoResultFound` if there is none of that number."""
    found = connection.execute(select(*CHOICES.values()).join(profile).where(member.c.number == member_number))
    row = found.mappings().one()
    return Privacy(
        profile_visibility=Visibility(row["profile_visibility"]),
        mask_visibility=MaskVisibility(row["mask_visibility"]),
        share_regular_payer=row["share_regular_payer"],
        affiliate_sharing=row["affiliate_sharing"],
        loyalty_participation=row["loyalty_participation"],
        service_consent=row["service_consent"],
        profile_item_visibility={item: ItemVisibility(row[f"{item}_visibility"]) for item in ProfileItem},
    )


def change_privacy(connection: Connection, member_number: int, change: PrivacyChange, *, now: datetime) -> None:
    """Change settings of a member whose row the caller has locked; the change is later than anything stored (§9)."""
    if values := change.of_member():
        connection.execute(update(member).where(member.c.number == member_number).values(values))
    if values := change.of_profile():
        connection.execute(update(profile).where(profile.c.member == member_number).values(values))
    stamp_directly(connection, member_number, tuple(change.attributes()), now=now)


def stamp_directly(connection: Connection, member_number: int, attributes: tuple[str, ...], *, now: datetime) -> None:
    """Stamp attributes as written directly: no event known today, whatever its time, will undo it."""
    if not attributes:
        return
    stored = member_stamp.c
    found = connection.execute(
        select(stored.attribute, stored.stamp).where(stored.member == member_number, stored.attribute.in_(attributes))
    )
    stamps: dict[str, str] = {row.attribute: row.stamp for row in found}
    rows = [
        {"member": member_number, "attribute": name, "stamp": later_than(stamps.get(name), now)} for name in attributes
    ]
    statement = insert(member_stamp)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["member", "attribute"], set_={"stamp": statement.excluded.stamp}
        ),
        rows,
    )
