"""Every world the two policies tell apart, stored as real members, and an oracle in plain Python for each.

The oracle is written from the rules, not from the policies: it shares no code with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from sqlalchemy import Connection

from partners.keyring import Keyring
from tests.conftest import NOW
from tests.factories import (
    add_action,
    add_campaign,
    add_client,
    add_member,
    add_model,
    add_partner,
    add_relation,
    set_usage_clock,
)

ITEMS = [
    "nickname",
    "gender",
    "age",
    "location",
    "sexual_preferences",
    "personal_specialty",
    "turn_ons",
    "dislikes",
    "occupation",
    "leisure",
    "feel_special",
]
SENSITIVE = {"sexual_preferences", "turn_ons", "dislikes"}
ITEM_VISIBILITIES = ("as_profile", "all_models", "private_chatted", "private")
LONG_AGO = NOW - timedelta(days=400)
RECENTLY = NOW - timedelta(days=1)


@dataclass(frozen=True)
class Answer:
    """What the rules say: the fields shown, and for each withheld field why; `absent` if there is no row at all."""

    absent: str | None = None
    shown: frozenset[str] = frozenset()
    withheld: dict[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class WebmasterWorld:
    """One member as the webmaster policy sees it."""

    referral: str
    erased: bool
    restricted: bool
    consents: bool
    objecting: bool
    shares: bool
    harmless: bool
    device: str

    def answer(self) -> Answer:
        """R3, R50, R54, R55, R52, R63 for the row; R9, R36 for the fields."""
        if self.referral != "own":
            return Answer(absent="not_referred")
        for applies, reason in (
            (self.erased, "erased"),
            (self.restricted, "restricted"),
            (not self.consents, "consent_withdrawn"),
            (self.objecting, "objection"),
            (not self.shares, "opted_out"),
        ):
            if applies:
                return Answer(absent=reason)
        withheld = {}
        if not self.harmless:
            withheld["username"] = frozenset({"username_identifying"})
        if self.device in {"clock_run_out", "lapsed_before_purchase"}:
            withheld["device"] = frozenset({"retention_120_days"})
        always = {"ref", "registration_date", "site", "country", "credit_purchases", "referral"}
        return Answer(shown=frozenset(always | {"username", "device"} - withheld.keys()), withheld=withheld)


def webmaster_worlds() -> Iterator[WebmasterWorld]:
    """All of them."""
    flags = [False, True]
    devices = ["none", "kept", "clock_run_out", "lapsed_before_purchase"]
    for world in product(["own", "other", "nobody"], flags, flags, flags, flags, flags, flags, devices):
        yield WebmasterWorld(*world)


def store_webmaster_worlds(connection: Connection) -> dict[int, WebmasterWorld]:
    """Insert a member for each world; the asking webmaster is `w1` with client `c1`."""
    own = add_partner(connection, "w1")
    other = add_partner(connection, "w2")
    add_client(connection, own, "c1")
    partners = {"own": own, "other": other, "nobody": None}
    campaigns = {"own": add_campaign(connection, own), "other": add_campaign(connection, other), "nobody": None}
    worlds = {}
    for place, world in enumerate(webmaster_worlds()):
        number = add_member(
            connection,
            f"m{place}",
            webmaster=partners[world.referral],
            campaign=campaigns[world.referral],
            erased=world.erased,
            restricted=world.restricted,
            service_consent=world.consents,
            objecting=world.objecting,
            affiliate_sharing=world.shares,
            username_harmless=world.harmless,
            **_device(world.device),
        )
        set_usage_clock(connection, number, **_device_clock(world.device))
        worlds[number] = world
    return worlds


def _device(state: str) -> dict[str, Any]:
    if state == "none":
        return {}
    seen_at = {"kept": RECENTLY, "clock_run_out": LONG_AGO, "lapsed_before_purchase": LONG_AGO}[state]
    return {"device_type": "mobile", "device_os": "iOS", "device_browser": "Mobile Safari", "device_seen_at": seen_at}


def _device_clock(state: str) -> dict[str, datetime]:
    if state == "clock_run_out":
        return {"usage_clock_at": LONG_AGO}
    if state == "lapsed_before_purchase":
        return {"usage_clock_at": RECENTLY, "usage_kept_from": RECENTLY}
    return {"usage_clock_at": RECENTLY}


@dataclass(frozen=True)
class ModelWorld:
    """One member as the model policy sees it; `rotation` gives each item another visibility in turn."""

    relation: str
    erased: bool = False
    restricted: bool = False
    consents: bool = True
    shares_regular: bool = True
    regular: bool = True
    participates: bool = True
    mask: str = "public"
    profile: str = "all_models"
    rotation: int = 0
    clock_running: bool = True

    def item_visibility(self, item: str) -> str:
        """The item's own setting in this world."""
        return ITEM_VISIBILITIES[(ITEMS.index(item) + self.rotation) % len(ITEM_VISIBILITIES)]

    def answer(self, *, sensitive_scope: bool) -> Answer:
        """R66, R50, R54, R55 for the row; R15, R16, R17, R21, R24, R36 for the fields."""
        if absent := self._absent():
            return Answer(absent=absent)
        reasons = {
            "regular_payer": frozenset() if self.shares_regular else frozenset({"opted_out"}),
            "mask": self._mask_reasons(),
            "last_actions": frozenset() if self.clock_running else frozenset({"retention_120_days"}),
            **{f"profile.{item}": self._item_reasons(item, sensitive_scope=sensitive_scope) for item in ITEMS},
        }
        withheld = {name: why for name, why in reasons.items() if why}
        always = {"username", "site", "favorite", "fan_club", "gift_sent", "spending"}
        return Answer(shown=frozenset(always | reasons.keys() - withheld.keys()), withheld=withheld)

    def _absent(self) -> str | None:
        if self.relation == "none":
            return "no_relation"
        if self.erased:
            return "erased"
        if self.restricted:
            return "restricted"
        return None if self.consents else "consent_withdrawn"

    def _mask_reasons(self) -> frozenset[str]:
        reasons = set()
        if not self.participates:
            reasons.add("not_participating")
        if self.mask == "private":
            reasons.add("visibility_private")
        if self.mask == "private_chatted" and self.relation != "chatted":
            reasons.add("visibility_private_chatted")
        return frozenset(reasons)

    def _item_reasons(self, item: str, *, sensitive_scope: bool) -> frozenset[str]:
        settings = {self.profile, self.item_visibility(item)}
        reasons = set()
        if "private" in settings:
            reasons.add("visibility_private")
        if "private_chatted" in settings and self.relation != "chatted":
            reasons.add("visibility_private_chatted")
        if item in SENSITIVE and not sensitive_scope:
            reasons.add("scope_missing")
        return frozenset(reasons)


def model_worlds() -> Iterator[ModelWorld]:
    """Every combination of what decides over rows, and every combination of what decides over fields."""
    flags = [False, True]
    for relation, erased, restricted, consents in product(["none", "met", "chatted"], flags, flags, flags):
        yield ModelWorld(relation, erased=erased, restricted=restricted, consents=consents)
    visibilities = ["all_models", "private_chatted", "private"]
    masks = ["public", "private_chatted", "private"]
    for relation, shares, regular, takes_part, mask, profile, rotation, running in product(
        ["met", "chatted"], flags, flags, flags, masks, visibilities, range(4), flags
    ):
        yield ModelWorld(
            relation,
            shares_regular=shares,
            regular=regular,
            participates=takes_part,
            mask=mask,
            profile=profile,
            rotation=rotation,
            clock_running=running,
        )


def store_model_worlds(connection: Connection, keyring: Keyring) -> dict[int, ModelWorld]:
    """Insert a member for each world; the asking model is `mdl-1`, the client `c2` of `studio`."""
    add_client(connection, add_partner(connection, "studio", kind="model_center"), "c2")
    asking, other = add_model(connection, "mdl-1"), add_model(connection, "mdl-2")
    worlds = {}
    for place, world in enumerate(model_worlds()):
        number = add_member(
            connection,
            f"c{place}",
            erased=world.erased,
            restricted=world.restricted,
            service_consent=world.consents,
            share_regular_payer=world.shares_regular,
            regular_payer=world.regular,
            loyalty_participation=world.participates,
            mask="gold-dragon",
            mask_visibility=world.mask,
            profile_visibility=world.profile,
            profile_columns=_profile(world, keyring),
        )
        set_usage_clock(connection, number, usage_clock_at=RECENTLY if world.clock_running else LONG_AGO)
        # Another model's relation must never stand in for hers (R14).
        add_relation(connection, other, number, favorite=True, privately_chatted=True)
        if world.relation != "none":
            add_relation(connection, asking, number, privately_chatted=world.relation == "chatted")
            add_action(connection, asking, number, at=RECENTLY)
        worlds[number] = world
    return worlds


def _profile(world: ModelWorld, keyring: Keyring) -> dict[str, Any]:
    values: dict[str, Any] = {item: f"{item} of the member" for item in ITEMS} | {"age": 34}
    sealed = {item: keyring.seal(values[item].encode()) for item in SENSITIVE}
    return values | sealed | {f"{item}_visibility": world.item_visibility(item) for item in ITEMS}
