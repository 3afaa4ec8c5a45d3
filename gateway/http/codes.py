"""Every code the gateway answers with besides data, and what it means; `docs/problems.md` is made of this."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from partners.vocabulary import FeedError, Reason, Scope


class ScopeUse(NamedTuple):
    """Whose tokens may have a scope, and what it opens."""

    held_by: str
    opens: str


class ReasonUse(NamedTuple):
    """What a reason is said of, and what it means."""

    of: str
    meaning: str


CODES = "Everything the gateway answers with besides data. The names are stable; the texts beside them may get better."
ABOUT_PROBLEMS = (
    "An error is a document of type `application/problem+json` (RFC 9457). Its `type` ends with one of these names; "
    "`errors` lists every fault of the request at once, with the codes of the next section. The OAuth endpoints answer "
    "in the form of RFC 6749 instead."
)
ABOUT_FAULTS = "`errors[].code` in a problem; `parameter` or `pointer` says where."
ABOUT_REASONS = (
    "Why something was withheld or refused. They stand in the access log and in answers to the platform; a partner "
    "never sees one."
)
ABOUT_FEED_ERRORS = (
    "`errors[].code` in the answer to `POST /v1/platform/events` and of `gateway ingest`. A rejected line is not "
    "remembered: sent again once its cause is gone, it is applied."
)

PROBLEMS: Mapping[HTTPStatus, Mapping[str, str]] = {
    HTTPStatus.BAD_REQUEST: {
        "bad-request": "The request is malformed, or its body was cut off.",
        "invalid-json": "The body is not valid JSON.",
        "invalid-batch": "The body is not a JSON array of events; a batch is taken whole or not at all.",
    },
    HTTPStatus.UNAUTHORIZED: {
        "unauthorized": "An access token is needed.",
        "invalid-token": (
            "The access token is malformed, expired or revoked, its bearer may not act, or it is bound to a key that "
            "the request does not prove to hold; get a new one."
        ),
        "invalid-dpop-proof": "The proof in `DPoP` is missing, used before, or not for this request (RFC 9449 §4.3).",
        "use-dpop-nonce": "The proof needs the nonce that the answer's `DPoP-Nonce` holds; sign a new one with it.",
    },
    HTTPStatus.FORBIDDEN: {
        "insufficient-scope": (
            "The token is good, but not for this path, or its partner may have no member rows. Cards need a token "
            "for a model: exchange her session (RFC 8693)."
        ),
    },
    HTTPStatus.NOT_FOUND: {
        "not-found": "There is nothing here for you. Unknown, withheld and somebody else's look alike, by design.",
    },
    HTTPStatus.METHOD_NOT_ALLOWED: {
        "method-not-allowed": "`Allow` names the methods there are.",
    },
    HTTPStatus.REQUEST_TIMEOUT: {
        "request-timeout": "The body did not arrive in time.",
    },
    HTTPStatus.CONFLICT: {
        "already-verified": "The member's request is verified already.",
        "not-verified": "Identity comes first: verify the member's request before settling it.",
        "request-closed": "The member's request is settled or refused and cannot change any more.",
        "extension-exhausted": "The member's request is extended to 60 days from its receipt already.",
        "notice-required": "A restriction ends only after the member was told, since it began: `notify` first.",
        "no-archive": "Only requests for access, for portability and to know have an archive.",
        "not-settled": "The archive is there once the member's request is settled.",
        "request-refused": "The member's request was refused; `supervisory_authority` names who hears complaints.",
        "know-limit": "A third request to know within twelve months; `available_from` says when one is possible.",
    },
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: {
        "request-entity-too-large": "The body is larger than this path takes.",
    },
    HTTPStatus.REQUEST_URI_TOO_LONG: {
        "request-uri-too-long": "Ask with `POST` where the path has a batch, or with shorter parameters.",
    },
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: {
        "unsupported-media-type": "`Accept` or `Accept-Patch` names the types there are.",
    },
    HTTPStatus.EXPECTATION_FAILED: {
        "expectation-failed": "Only `Expect: 100-continue` is understood.",
    },
    HTTPStatus.UNPROCESSABLE_ENTITY: {
        "invalid-request": "The request was understood but has faults; `errors` names each of them.",
    },
    HTTPStatus.TOO_MANY_REQUESTS: {
        "too-many-requests": "This client's limit for this kind of work is used up; `Retry-After` says until when.",
    },
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: {
        "request-header-fields-too-large": "Fewer or shorter headers, please.",
    },
    HTTPStatus.INTERNAL_SERVER_ERROR: {
        "internal-error": "The gateway failed to answer; nothing was released. Report the request id.",
    },
    HTTPStatus.SERVICE_UNAVAILABLE: {
        "audit-unavailable": (
            "The access log's spool did not take the record, so nothing is released. What was to be changed may "
            "have been. Try again after `Retry-After`."
        ),
        "unavailable": "Nothing can be recorded now, so nothing is released. Try again after `Retry-After`.",
        "not-ready": "The database lacks something; `detail` says what. From `/readyz` only.",
    },
}
"""By status and name: what the `type` of a problem ends with."""

FAULTS: Mapping[str, str] = {
    "invalid_value": "a value is missing, or none of those allowed; `detail` says what is needed",
    "unknown_parameter": "there is no parameter or key of this name; member data that can be withheld is never one",
    "repeated_parameter": "given more than once",
    "invalid_cursor": "not a cursor of this list, this client and this query: start again without one",
    "unknown_field": "no policy has a field of this name",
    "invalid_search": "the search cannot be read; `detail` says what of it, and what may have been meant",
    "invalid_case": "not a valid case number, a member's id or username, or not one of the purposes; send both headers",
    "not_with_a_stream": "a stream is always the whole result: no `limit` and no `cursor` with it",
}
"""`errors[].code` of a problem."""

SCOPES: Mapping[Scope, ScopeUse] = {
    Scope.STATS_READ: ScopeUse("webmasters, trackers", "statistics, statements, the webmaster's own campaigns"),
    Scope.MEMBERS_READ: ScopeUse("webmasters", "members they referred and the purchase log"),
    Scope.CARDS_READ: ScopeUse("model centers, for one model", "cards of members who have had to do with her"),
    Scope.CARDS_SENSITIVE_READ: ScopeUse(
        "model centers, only when asked for", "`sexual_preferences`, `turn_ons` and `dislikes` on those cards"
    ),
    Scope.EVENTS_WRITE: ScopeUse("the platform", "the feed"),
    Scope.PRIVACY_WRITE: ScopeUse("the platform", "members' privacy settings and requests"),
    Scope.DISCLOSURES_READ: ScopeUse("the platform", "who received what about a member, and previews"),
    Scope.AUDIT_READ: ScopeUse("auditors", "the access log"),
}

REASONS: Mapping[Reason, ReasonUse] = {
    Reason.VISIBILITY_PRIVATE: ReasonUse("field", "the member keeps it private"),
    Reason.VISIBILITY_PRIVATE_CHATTED: ReasonUse(
        "field", "for models the member chatted with privately, and this one is none"
    ),
    Reason.OPTED_OUT: ReasonUse(
        "field, member", "the member does not share it: with webmasters, or the regular payer's badge"
    ),
    Reason.NOT_PARTICIPATING: ReasonUse("field", "the member has left the loyalty programme"),
    Reason.RETENTION_120_DAYS: ReasonUse(
        "field", "more than 120 days since the last purchase, or the registration of who never bought"
    ),
    Reason.USERNAME_IDENTIFYING: ReasonUse(
        "field", "the username looks like an e-mail address, phone number, URL or handle"
    ),
    Reason.SCOPE_MISSING: ReasonUse("field", "the token lacks `cards.sensitive:read`"),
    Reason.OBJECTION: ReasonUse("member", "the member objects to promotion"),
    Reason.RESTRICTED: ReasonUse("member", "processing is restricted at the member's request"),
    Reason.ERASED: ReasonUse("member", "the member has asked for erasure"),
    Reason.CONSENT_WITHDRAWN: ReasonUse("member", "consent to the service is withdrawn"),
    Reason.UNKNOWN: ReasonUse("answer", "there is no such member, entry or client"),
    Reason.NOT_REFERRED: ReasonUse("answer", "another webmaster's member"),
    Reason.NO_RELATION: ReasonUse("answer", "the member has never had to do with this model"),
    Reason.INSUFFICIENT_SCOPE: ReasonUse(
        "answer", "the token is for something else, or the partner may have no member rows"
    ),
    Reason.SUSPENDED: ReasonUse("answer", "the partner or client is suspended"),
    Reason.INVALID_TOKEN: ReasonUse(
        "answer", "no token, or one that is malformed, expired, revoked, or used from a foreign network"
    ),
}

FEED_ERRORS: Mapping[FeedError, str] = {
    FeedError.INVALID_JSON: "the line is not JSON",
    FeedError.INVALID_EVENT: "not a CloudEvent with `source`, `id`, `type`, `time`, `data`; too long; of the future; "
    "a member to be registered whose `subject` no path can name: with a `/`, `.` or `..`",
    FeedError.UNKNOWN_TYPE: "not a type of event that the gateway knows",
    FeedError.UNKNOWN_FIELD: "`data` has a key that this type does not have",
    FeedError.FORBIDDEN_FIELD: "a name never accepted at any depth: what the gateway does not hold it cannot leak",
    FeedError.INVALID_VALUE: "a value breaks the contract; also a `purchase_id` that was used",
    FeedError.UNKNOWN_MEMBER: "the member is not registered yet",
    FeedError.UNKNOWN_PARTNER: "no webmaster of this id",
    FeedError.UNKNOWN_CAMPAIGN: "the webmaster has no such campaign",
    FeedError.UNKNOWN_MODEL: "the model is not registered yet",
    FeedError.UNKNOWN_PURCHASE: "no such purchase of this member",
    FeedError.USERNAME_TAKEN: "another member has it; case does not count",
    FeedError.USERNAME_RETIRED: "a former username, blocked for a year",
    FeedError.ERASED_MEMBER: "the member was erased, or is about to be",
}
