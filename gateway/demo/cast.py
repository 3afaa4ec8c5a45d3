"""Who appears in the demo: partners, campaigns, models, and the members whose settings show a rule each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from partners.vocabulary import PartnerKind, RequestType


@dataclass(frozen=True)
class Company:
    """A partner, with the codes and names of its campaigns."""

    kind: PartnerKind
    id: str
    name: str
    country: str = "LU"
    safeguard: str | None = None
    campaigns: Mapping[str, str] = field(default_factory=dict)


WEBMASTERS = (
    Company(
        PartnerKind.WEBMASTER,
        "northlight",
        "Northlight Media",
        campaigns={"spring": "Spring banners", "summer": "Summer videos", "newsletter": "Weekly newsletter"},
    ),
    Company(
        PartnerKind.WEBMASTER,
        "harbour",
        "Harbour Traffic",
        "DE",
        campaigns={"launch": "Launch week", "retarget": "Second look"},
    ),
    Company(
        PartnerKind.WEBMASTER,
        "redwood",
        "Redwood Leads",
        "US",
        safeguard="Standard contractual clauses 2021/914",
        campaigns={"east": "East coast", "west": "West coast"},
    ),
    # Outside the EEA and without a safeguard: statistics, but no member rows (R29).
    Company(PartnerKind.WEBMASTER, "westwind", "Westwind Clicks", "US", campaigns={"pacific": "Pacific"}),
)
STUDIO = Company(PartnerKind.MODEL_CENTER, "studio", "Lantern Studios")
TRACKER = Company(PartnerKind.TRACKER, "compass", "Compass Analytics")
PLATFORM = Company(PartnerKind.PLATFORM, "platform", "The site")
AUDITOR = Company(PartnerKind.AUDITOR, "auditor", "The security team")
COMPANIES = (*WEBMASTERS, STUDIO, TRACKER, PLATFORM, AUDITOR)

MODELS = ("aurora", "celeste", "juno", "marisol", "ophelia", "stella")
HEROINE = MODELS[0]
"""The model with whom every member of the cast has had to do."""


@dataclass(frozen=True)
class Role:
    """A member with a history of a real customer and one setting that matters."""

    customer: str
    username: str
    privacy: Mapping[str, Any] = field(default_factory=dict)
    signal: str | None = None
    chatted: bool = False
    """Privately, with the heroine."""
    regular_payer: bool = False
    request: RequestType | None = None
    """What the member asks for once the feed is in; at once verified, an erasure settled too."""

    @property
    def id(self) -> str:
        """The platform's id of the member."""
        return f"m-{self.customer}"


OWL = Role("0144", "night_owl", {"mask_visibility": "private_chatted"}, chatted=True, regular_payer=True)
"""Shares everything there is to share; the lines of the guide are about this member."""

OPTED_OUT = Role("0880", "north_gate", {"affiliate_sharing": False})

CAST = (
    OWL,
    Role("0232", "velvet_moth", {"profile_visibility": "private_chatted"}),
    Role("0304", "paper_lantern", {"profile_visibility": "private"}),
    Role(
        "0312",
        "salt_and_cedar",
        {"profile_item_visibility": {"location": "private", "turn_ons": "private_chatted"}},
        regular_payer=True,
    ),
    Role("0424", "copper_kite", {"mask_visibility": "private"}, chatted=True),
    Role("0456", "glass_harp", {"mask_visibility": "private_chatted"}),
    Role("0528", "tin_soldier", {"share_regular_payer": False}, regular_payer=True),
    Role("0840", "slow_river", {"loyalty_participation": False}, chatted=True),
    OPTED_OUT,
    Role("0968", "green_signal", signal="gpc"),
    Role("1000", "closed_door", {"service_consent": False}),
    Role("1056", "jo.rivers@mail.example"),
    Role("1104", "+352621000111"),
    Role("1112", "www.quiet-harbour.example"),
    Role("1136", "@blue_finch", regular_payer=True),
    Role("1248", "still_water", request=RequestType.RESTRICTION),
    Role("1288", "no_thank_you", request=RequestType.OBJECTION),
    Role("1296", "left_the_house", request=RequestType.ERASURE),
    Role("0024", "long_gone"),
)
