"""Where each attribute of a member is stored, under the names by which `member_stamp` remembers its last writer."""

from collections.abc import Mapping
from dataclasses import dataclass

from partners.feed.building import profile_attribute
from partners.privacy import CHOICES
from partners.tables.member import profile
from partners.vocabulary import SENSITIVE_ITEMS, ProfileItem

USERNAME = "username"
DEVICE = "device"
REGISTRATION = "registration"
"""One stamp for all that a registration says of itself, until an attribute is written another time."""
SAID_BY_REGISTRATION = frozenset({USERNAME, "site", "country"})


@dataclass(frozen=True)
class Place:
    """A column, of `member` or of `profile`; `sealed` says that its value is encrypted first (R24)."""

    column: str
    on_profile: bool = False
    sealed: bool = False


PLACES: Mapping[str, Place] = {
    **{name: Place(name) for name in ("site", "country", "mask", "regular_payer")},
    **{
        profile_attribute(item): Place(item.value, on_profile=True, sealed=item in SENSITIVE_ITEMS)
        for item in ProfileItem
    },
    **{name: Place(str(column.name), on_profile=column.table is profile) for name, column in CHOICES.items()},
}
"""The attributes that are one column each; username and device are more."""
