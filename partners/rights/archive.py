"""What the gateway holds about one member, piece by piece, for the member's own archive (R46, R57)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    RowMapping,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    text,
)

from partners.months import months_after
from partners.outbox import CLOSED_KEPT
from partners.rights.book import MemberRequest
from partners.rights.due import KNOW_MONTHS
from partners.rights.steps import SUPERVISORY_AUTHORITY, RightsConflictError
from partners.tables.access import access_subject, access_subject_block, access_subject_set, outside_disclosure
from partners.tables.activity import action, ledger_entry, model, registration, relation, spending, spending_total
from partners.tables.member import (
    erased_member,
    former_username,
    held_setting,
    member,
    member_stamp,
    profile,
    purchase_total,
)
from partners.tables.outbox import concern, notice
from partners.tables.partner import campaign, partner
from partners.tables.rights import rights_request
from partners.vocabulary import SUBS, ItemVisibility, ProfileItem, RequestStatus, RequestType

PRODUCES_AN_ARCHIVE = frozenset({RequestType.ACCESS, RequestType.PORTABILITY, RequestType.KNOW})
ROWS_AT_ONCE = 1_000
REQUESTS, DISCLOSURES = "requests", "disclosures"
"""Pieces that are read elsewhere: `partners.rights.book` and `partners.access_log.disclosures`."""

_MEMBER = bindparam("member", type_=BigInteger)
_SINCE = bindparam("since", type_=DateTime(timezone=True))
_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


@dataclass(frozen=True)
class Piece:
    """A file of the archive: what it is called, and what is read for it about `member` from `since` on."""

    name: str
    statement: Select[Any]
    single: bool = False
    """Whether there is one row a member."""


def require_archive(request: MemberRequest) -> None:
    """Raise `RightsConflictError` unless a request produced an archive: unverified, nothing is released (R48)."""
    if request.type not in PRODUCES_AN_ARCHIVE:
        raise RightsConflictError("no-archive", "Requests of this type produce no archive.")
    if request.status is RequestStatus.REFUSED:
        raise RightsConflictError(
            "request-refused",
            "This request was refused, so there is no archive; `supervisory_authority` hears complaints.",
            {"supervisory_authority": SUPERVISORY_AUTHORITY},
        )
    if request.status is not RequestStatus.SETTLED:
        raise RightsConflictError("not-settled", "There is an archive once the request is settled.")


def period_of(request: MemberRequest) -> datetime | None:
    """From when on dated pieces are told: twelve months back for `know` (R58), everything for the others (R46)."""
    return months_after(request.received_at, -KNOW_MONTHS) if request.type is RequestType.KNOW else None


def as_of_one_moment(connection: Connection) -> None:
    """Let everything that is read in this transaction, which has read nothing yet, be as of one moment."""
    connection.execute(_ONE_MOMENT)


def rows_of(connection: Connection, piece: Piece, member_number: int, since: datetime | None) -> Iterator[RowMapping]:
    """Read a piece in bounded memory; what is read leaves the gateway after the transaction, with its record."""
    bounded = piece.statement.execution_options(stream_results=True, max_row_buffer=ROWS_AT_ONCE)
    parameters = {"member": member_number, "since": since or "-infinity"}
    yield from connection.execute(bounded, parameters).mappings()


def _finite(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """An instant, or nothing where the database says never."""
    return func.nullif(func.nullif(column, literal_column("'infinity'")), literal_column("'-infinity'")).label(
        column.name
    )


_ACCOUNT = (
    select(
        *member.c["id", "username", "username_key", "username_harmless", "site", "country", "registered_at"],
        partner.c.name.label("referred_by"),
        campaign.c.code.label("campaign"),
        *(member.c[sub] for sub in SUBS),
        *member.c["mask", "regular_payer", "device_type", "device_os", "device_browser"],
        _finite(member.c.device_seen_at),
        *member.c["objecting", "restricted", "erased"],
    )
    .select_from(member.outerjoin(partner, partner.c.number == member.c.webmaster))
    .outerjoin(campaign, campaign.c.number == member.c.campaign)
    .where(member.c.number == _MEMBER)
)
_SETTINGS = (
    select(
        *member.c["profile_visibility", "mask_visibility", "share_regular_payer", "affiliate_sharing"],
        *member.c["loyalty_participation", "service_consent"],
        *(
            func.nullif(profile.c[f"{item}_visibility"], ItemVisibility.AS_PROFILE.value).label(f"{item}_visibility")
            for item in ProfileItem
        ),
    )
    .select_from(member.join(profile))
    .where(member.c.number == _MEMBER)
)
_PURCHASE_TOTALS = select(
    *purchase_total.c["count", "credits", "first_at", "last_at", "amounts", "usage_clock_at", "active_on"],
    _finite(purchase_total.c.usage_kept_from),
).where(purchase_total.c.member == _MEMBER)
_PURCHASES = (
    select(
        *ledger_entry.c["purchase_id", "type", "at", "credits", "amount", "currency", "reason", "site", "country"],
        ledger_entry.c.device_type,
        campaign.c.code.label("campaign"),
        ledger_entry.c.recorded_at,
    )
    .outerjoin_from(ledger_entry, campaign, campaign.c.number == ledger_entry.c.campaign)
    .where(ledger_entry.c.member == _MEMBER, ledger_entry.c.at >= _SINCE)
    .order_by(ledger_entry.c.at, ledger_entry.c.number)
)


def _with_models(table: Table, *columns: str) -> Select[Any]:
    """Rows about the member and a model, who is told by her public name (R64)."""
    named = model.c.name.label("model")
    found = select(named, *table.c[columns]).join_from(table, model, model.c.number == table.c.model)
    return found.where(table.c.member == _MEMBER)


PIECES = (
    Piece("account", _ACCOUNT, single=True),
    Piece("settings", _SETTINGS, single=True),
    Piece(
        "profile",
        select(*profile.c[*ProfileItem], profile.c.present_since).where(profile.c.member == _MEMBER),
        single=True,
    ),
    Piece("purchase_totals", _PURCHASE_TOTALS, single=True),
    Piece("purchases", _PURCHASES),
    Piece(
        "registration",
        select(*registration.c["at", "site", "country", "device_type", "counted"]).where(
            registration.c.member == _MEMBER
        ),
    ),
    Piece(
        "relations",
        _with_models(
            relation, "favorite", "favorite_stamp", "fan_club", "fan_club_stamp", "gift_sent", "privately_chatted"
        ).order_by(relation.c.model),
    ),
    Piece("actions", _with_models(action, "at", "action").where(action.c.at >= _SINCE).order_by(action.c.at)),
    Piece(
        "spending",
        _with_models(spending, "at", "feature", "credits")
        .where(spending.c.at >= _SINCE)
        .order_by(spending.c.at, spending.c.number),
    ),
    Piece(
        "spending_totals",
        _with_models(spending_total, "feature", "count", "credits", "first_at", "last_at").order_by(
            spending_total.c.model, spending_total.c.feature
        ),
    ),
    Piece(
        "changes",
        select(*member_stamp.c["attribute", "stamp"])
        .where(member_stamp.c.member == _MEMBER)
        .order_by(member_stamp.c.attribute),
    ),
    Piece(
        "held_settings",
        select(*held_setting.c["attribute", "value", "stamp", "held_since"])
        .join_from(held_setting, member, member.c.id == held_setting.c.member_id)
        .where(member.c.number == _MEMBER),
    ),
    Piece(
        "former_usernames",
        select(former_username.c.blocked_until)
        .where(former_username.c.member == _MEMBER)
        .order_by(former_username.c.blocked_until),
    ),
)
"""What is read about a member, but for requests and disclosures."""

READ_ELSEWHERE: Mapping[Table, str] = {
    rights_request: REQUESTS,
    access_subject: DISCLOSURES,
    access_subject_block: DISCLOSURES,
    access_subject_set: DISCLOSURES,
    outside_disclosure: DISCLOSURES,
}
NOT_TOLD: Mapping[ColumnElement[Any] | Table, str] = {
    ledger_entry.c.income: "What a webmaster earned is the webmaster's own affair.",
    ledger_entry.c.owner_digest: "Set by an erasure; afterwards there is nobody to tell.",
    former_username.c.digest: "A keyed hash that nobody can read; how long it is kept is told.",
    concern: "The username, encrypted, until those who received data are found: seconds. "
    f"That a username was given up, and when: {CLOSED_KEPT.days} days, so that nobody learns a later one of yours.",
    notice: "How each recipient knows the member, encrypted, until it is told of a change; recipients are told.",
    erased_member: "Keyed hashes of those who were erased: nobody who can ask is among them.",
}
"""What is left out although it is about members, and why (R51)."""
