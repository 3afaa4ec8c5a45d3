"""Every closed list of the house, once: audiences, scopes, reasons, visibilities, event kinds and the rest."""

from enum import StrEnum


class PartnerKind(StrEnum):
    """The recipients there are (R27)."""

    WEBMASTER = "webmaster"
    TRACKER = "tracker"
    MODEL_CENTER = "model_center"
    PLATFORM = "platform"
    AUDITOR = "auditor"


RECIPIENTS = (PartnerKind.WEBMASTER, PartnerKind.MODEL_CENTER)
"""Those to whom single members are disclosed."""
OUTSIDE = (*RECIPIENTS, PartnerKind.TRACKER)
"""Those outside the house; trackers receive sums alone."""


class Scope(StrEnum):
    """What a token may be used for (contract §1)."""

    STATS_READ = "stats:read"
    MEMBERS_READ = "members:read"
    CARDS_READ = "cards:read"
    CARDS_SENSITIVE_READ = "cards.sensitive:read"
    EVENTS_WRITE = "events:write"
    PRIVACY_WRITE = "privacy:write"
    DISCLOSURES_READ = "disclosures:read"
    AUDIT_READ = "audit:read"


SCOPES_OF_KIND: dict[PartnerKind, tuple[Scope, ...]] = {
    PartnerKind.WEBMASTER: (Scope.STATS_READ, Scope.MEMBERS_READ),
    PartnerKind.TRACKER: (Scope.STATS_READ,),
    PartnerKind.MODEL_CENTER: (Scope.CARDS_READ, Scope.CARDS_SENSITIVE_READ),
    PartnerKind.PLATFORM: (Scope.EVENTS_WRITE, Scope.PRIVACY_WRITE, Scope.DISCLOSURES_READ),
    PartnerKind.AUDITOR: (Scope.AUDIT_READ,),
}

SCOPES_GIVEN_ONLY_WHEN_ASKED = frozenset({Scope.CARDS_SENSITIVE_READ})


class AuthMethod(StrEnum):
    """How a client proves who it is at the token endpoint."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the method's name, not a secret


class Work(StrEnum):
    """Kinds of work that are limited each for itself (contract §7)."""

    TOKEN = "token"  # noqa: S105 - a kind of work
    STATS = "stats"
    MEMBERS = "members"
    CARDS = "cards"
    AUDIT = "audit"
    EXPORTS = "exports"
    SIGN_IN = "sign_in"


class Status(StrEnum):
    """Whether a partner or client may act at all: only the active may."""

    INVITED = "invited"
    """Of a partner: known, and not let in yet."""
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    """For good: the id is never used again, and the records stay."""
    LAPSED = "lapsed"
    """Of a client: nobody has used it for so long that nobody would miss it."""


class Visibility(StrEnum):
    """To whom a member shows a profile or an item of it."""

    ALL_MODELS = "all_models"
    PRIVATE_CHATTED = "private_chatted"
    PRIVATE = "private"


class ItemVisibility(StrEnum):
    """A profile item's own visibility; `as_profile` is `null` on the wire."""

    AS_PROFILE = "as_profile"
    ALL_MODELS = "all_models"
    PRIVATE_CHATTED = "private_chatted"
    PRIVATE = "private"


class MaskVisibility(StrEnum):
    """To whom a member shows the loyalty mask (R16)."""

    PUBLIC = "public"
    PRIVATE_CHATTED = "private_chatted"
    PRIVATE = "private"


class ProfileItem(StrEnum):
    """The eleven items of a member's profile, and no more (R23)."""

    NICKNAME = "nickname"
    GENDER = "gender"
    AGE = "age"
    LOCATION = "location"
    SEXUAL_PREFERENCES = "sexual_preferences"
    PERSONAL_SPECIALTY = "personal_specialty"
    TURN_ONS = "turn_ons"
    DISLIKES = "dislikes"
    OCCUPATION = "occupation"
    LEISURE = "leisure"
    FEEL_SPECIAL = "feel_special"


SENSITIVE_ITEMS = frozenset({ProfileItem.SEXUAL_PREFERENCES, ProfileItem.TURN_ONS, ProfileItem.DISLIKES})
"""Items that speak of sexual interests: own scope, encrypted at rest (R24)."""


class Action(StrEnum):
    """What a member may do with a model, as `action.performed` names it."""

    LIKE = "like"
    COMMENT = "comment"
    RATING = "rating"
    FEEDBACK = "feedback"
    MESSAGE = "message"
    ROOM_VISIT = "room_visit"
    PRIVATE_CHAT = "private_chat"
    VIDEO_CALL = "video_call"
    VOICE_CALL = "voice_call"


class RelationAction(StrEnum):
    """Actions that stem from the relation events rather than from `action.performed`."""

    FAVORITED = "favorited"
    UNFAVORITED = "unfavorited"
    FAN_CLUB_JOINED = "fan_club_joined"
    FAN_CLUB_LEFT = "fan_club_left"
    GIFT_SENT = "gift_sent"


class Relation(StrEnum):
    """By what a model may list cards (contract §4)."""

    FAVORITE = "favorite"
    FAN_CLUB = "fan_club"
    GIFT_SENT = "gift_sent"
    SPENDER = "spender"
    ANY = "any"


class Signal(StrEnum):
    """What a member's browser may signal (R62)."""

    GPC = "gpc"
    DNT = "dnt"


class DeviceType(StrEnum):
    """The kinds of devices told apart; nothing finer is kept (R8)."""

    DESKTOP = "desktop"
    MOBILE = "mobile"
    TABLET = "tablet"
    TV = "tv"
    CONSOLE = "console"
    BOT = "bot"
    OTHER = "other"


class EventType(StrEnum):
    """What the platform tells the gateway (contract §2)."""

    MEMBER_REGISTERED = "member.registered"
    MEMBER_UPDATED = "member.updated"
    MEMBER_DEVICE_SEEN = "member.device_seen"
    MEMBER_PRIVACY_CHANGED = "member.privacy_changed"
    MEMBER_SIGNAL_RECEIVED = "member.signal_received"
    CREDITS_PURCHASED = "credits.purchased"
    CREDITS_REFUNDED = "credits.refunded"
    CREDITS_SPENT = "credits.spent"
    MODEL_FAVORITED = "model.favorited"
    MODEL_UNFAVORITED = "model.unfavorited"
    FANCLUB_JOINED = "fanclub.joined"
    FANCLUB_LEFT = "fanclub.left"
    GIFT_SENT = "gift.sent"
    ACTION_PERFORMED = "action.performed"
    CAMPAIGN_TRAFFIC = "campaign.traffic"
    MODEL_REGISTERED = "model.registered"


class FeedError(StrEnum):
    """Why a line of the feed was rejected (contract §2)."""

    INVALID_JSON = "invalid_json"
    INVALID_EVENT = "invalid_event"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_FIELD = "unknown_field"
    FORBIDDEN_FIELD = "forbidden_field"
    INVALID_VALUE = "invalid_value"
    UNKNOWN_MEMBER = "unknown_member"
    UNKNOWN_PARTNER = "unknown_partner"
    UNKNOWN_CAMPAIGN = "unknown_campaign"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_PURCHASE = "unknown_purchase"
    USERNAME_TAKEN = "username_taken"
    USERNAME_RETIRED = "username_retired"
    ERASED_MEMBER = "erased_member"


FORBIDDEN_NAMES = frozenset(
    {
        "email",
        "password",
        "real_name",
        "first_name",
        "last_name",
        "address",
        "street",
        "city",
        "zip",
        "postal_code",
        "phone",
        "ip",
        "ip_address",
        "card_number",
        "card_last4",
        "card_expiry",
        "payment_method",
        "device_id",
        "cookie_id",
        "date_of_birth",
    },
)
"""Keys never accepted at any depth of an event's data: what the gateway does not hold it cannot leak (R2)."""


class RefundReason(StrEnum):
    """Why a purchase was reversed; internal, never shared (R7)."""

    REFUND = "refund"
    CHARGEBACK = "chargeback"
    FRAUD = "fraud"


class LedgerType(StrEnum):
    """The two kinds of entries in the purchase ledger."""

    PURCHASE = "purchase"
    REVERSAL = "reversal"


class StatisticsGroup(StrEnum):
    """What statistics may be grouped by (contract §3)."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    CAMPAIGN = "campaign"
    SITE = "site"
    COUNTRY = "country"
    DEVICE_TYPE = "device_type"
    SUB1 = "sub1"
    SUB2 = "sub2"
    SUB3 = "sub3"
    SUB4 = "sub4"
    SUB5 = "sub5"


SUB_GROUPS = (
    StatisticsGroup.SUB1,
    StatisticsGroup.SUB2,
    StatisticsGroup.SUB3,
    StatisticsGroup.SUB4,
    StatisticsGroup.SUB5,
)
"""Groups that can stand for one person: they need the scope for member rows too."""
SUBS = tuple(group.value for group in SUB_GROUPS)
"""The sub ids of a referral, as they are named everywhere."""


class StatisticsFilter(StrEnum):
    """What statistics may be narrowed by (contract §3)."""

    CAMPAIGN = "campaign"
    SITE = "site"
    COUNTRY = "country"
    DEVICE_TYPE = "device_type"
    CURRENCY = "currency"


class Metric(StrEnum):
    """The figures of a row of statistics, in the order they are told (contract §3)."""

    CLICKS = "clicks"
    UNIQUE_CLICKS = "unique_clicks"
    REGISTRATIONS = "registrations"
    FIRST_PURCHASES = "first_purchases"
    PURCHASES = "purchases"
    CREDITS = "credits"
    AMOUNT = "amount"
    REFUNDS = "refunds"
    REFUNDED_AMOUNT = "refunded_amount"
    INCOME = "income"


MONEY_METRICS = frozenset({Metric.AMOUNT, Metric.REFUNDED_AMOUNT, Metric.INCOME})
"""Figures in a currency's minor unit: null where there is no currency."""


class Reason(StrEnum):
    """Why a field, a row or a whole answer was withheld (contract §6)."""

    VISIBILITY_PRIVATE = "visibility_private"
    VISIBILITY_PRIVATE_CHATTED = "visibility_private_chatted"
    OPTED_OUT = "opted_out"
    OBJECTION = "objection"
    RESTRICTED = "restricted"
    ERASED = "erased"
    RETENTION_120_DAYS = "retention_120_days"
    NOT_PARTICIPATING = "not_participating"
    USERNAME_IDENTIFYING = "username_identifying"
    SCOPE_MISSING = "scope_missing"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    UNKNOWN = "unknown"
    NOT_REFERRED = "not_referred"
    NO_RELATION = "no_relation"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    SUSPENDED = "suspended"
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - an RFC 6750 error code


class Outcome(StrEnum):
    """What became of a request, as the access log tells it."""

    RELEASED = "released"
    PARTIAL = "partial"
    EMPTY = "empty"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    LIMITED = "limited"
    ERROR = "error"


GIVEN = (Outcome.RELEASED, Outcome.PARTIAL)
"""Outcomes of which something was disclosed."""


class Purpose(StrEnum):
    """For what a release or access was made (R4)."""

    CAMPAIGNS = "campaigns"
    INCOME = "income"
    PERSONAL_SERVICE = "personal_service"
    MEMBERS_RIGHTS = "members_rights"
    SECURITY = "security"
    OPERATION = "operation"


class CasePurpose(StrEnum):
    """Why somebody of the security team looks at the access log; told together with the case's number."""

    MEMBER_REQUEST = "member_request"
    COMPLAINT = "complaint"
    INCIDENT = "incident"
    PARTNER_REVIEW = "partner_review"
    AUTHORITY = "authority"
    ROUTINE = "routine"


class RequestType(StrEnum):
    """What a member may ask for through the platform (contract §5)."""

    ERASURE = "erasure"
    RESTRICTION = "restriction"
    LIFT_RESTRICTION = "lift_restriction"
    OBJECTION = "objection"
    WITHDRAW_OBJECTION = "withdraw_objection"
    ACCESS = "access"
    PORTABILITY = "portability"
    KNOW = "know"
    RECTIFICATION = "rectification"


class RequestAction(StrEnum):
    """What may be done with a member's request (contract §5)."""

    VERIFY = "verify"
    EXTEND = "extend"
    SETTLE = "settle"
    REFUSE = "refuse"
    NOTIFY = "notify"


class Via(StrEnum):
    """Who brought a request: the member, or an agent with a written authorization (R60)."""

    MEMBER = "member"
    AGENT = "agent"


class RequestStatus(StrEnum):
    """Where a member's request stands."""

    RECEIVED = "received"
    VERIFIED = "verified"
    SETTLED = "settled"
    REFUSED = "refused"


class Detection(StrEnum):
    """The rules that raise alerts over the access log."""

    VOLUME = "volume"
    ENUMERATION = "enumeration"
    PROBING = "probing"
    SWEEP = "sweep"
    NEW_NETWORK = "new_network"
    OFF_HOURS = "off_hours"
    DORMANT = "dormant"
    AFTER_CHANGE = "after_change"
    GAP = "gap"


class Tier(StrEnum):
    """How soon somebody should look at an alert."""

    QUEUE = "queue"
    PAGE = "page"


class AlertState(StrEnum):
    """Where an alert stands; the last two are its end."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    FALSE_POSITIVE = "false_positive"


class RecipientKind(StrEnum):
    """To whom anything about members was ever disclosed outside the gateway (R27)."""

    WEBMASTER = "webmaster"
    MODEL_CENTER = "model_center"
    AFFILIATED_COMPANY = "affiliated_company"
    SERVICE_PROVIDER = "service_provider"
    AUTHORITY = "authority"
    LEGAL_ADVISER = "legal_adviser"
    SUCCESSOR = "successor"


class NoticeTopic(StrEnum):
    """What partners are told about members whose data they received: what to do, never why (R61, R65)."""

    ERASED = "member.erased"
    RESTRICTED = "member.restricted"
    WITHDRAWN = "member.withdrawn"
    RESTORED = "member.restored"
    ITEMS_REMOVED = "member.items_removed"
    RECTIFIED = "member.rectified"
    RENAMED = "member.renamed"


class NoticeOutcome(StrEnum):
    """How a notice ended."""

    ACKNOWLEDGED = "acknowledged"
    TOLD_BY_HAND = "told_by_hand"
    GIVEN_UP = "given_up"


EEA = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "HR",
        "CY",
        "CZ",
        "DK",
        "EE",
        "FI",
        "FR",
        "DE",
        "GR",
        "HU",
        "IE",
        "IS",
        "IT",
        "LI",
        "LV",
        "LT",
        "LU",
        "MT",
        "NL",
        "NO",
        "PL",
        "PT",
        "RO",
        "SK",
        "SI",
        "ES",
        "SE",
    ],
)
"""Countries of the European Economic Area, ISO 3166-1 alpha-2 (R29)."""
