"""Which changes of a member concern those who received data, what each is called, and whom it concerns."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, DateTime, case, cast, func, literal, select

from partners import stamps
from partners.keyring import Keyring
from partners.outbox import ALWAYS, BY_NAME, Concern, concern_about, write_concerns
from partners.postgres.literals import text_literal
from partners.privacy import PrivacyChange
from partners.rights.binding import Bond
from partners.sharing import Sharing
from partners.tables.activity import ledger_entry
from partners.tables.member import member, member_stamp, profile
from partners.vocabulary import RECIPIENTS, LedgerType, NoticeTopic, PartnerKind, ProfileItem, Reason

FACTS = tuple(fact.name for fact in fields(Sharing))
"""Columns of `member` that decide for whom a member exists. That a single field is hidden is not told (R61)."""
_ALWAYS_TOLD = {Reason.ERASED: NoticeTopic.ERASED, Reason.RESTRICTED: NoticeTopic.RESTRICTED}
"""What whoever received data has to hear when it begins (GDPR Art. 19), withheld from them by now or not."""
_FIELDS = ("username", "country", *(f"profile.{item}" for item in ProfileItem))
"""Attributes in `member_stamp` that partners receive, and that can be corrected; policies name them alike.

A device is seen, and so is the site that somebody watches from (R13); mask and badge are given: and that one was given
which a partner may not see, it must not hear (R61).
"""
_PURCHASES = "credit_purchases"
_NOT_YET = datetime(9000, 1, 1, tzinfo=UTC)
"""Since when there is what nobody can have received."""
_AT_LEAST_BEFORE = timedelta(days=1)
"""So long before its request something may have been corrected: the platform tells of both in any order."""
_BEFORE = select(
    *member.c["number", "username", "username_key"],
    *member.c[FACTS],
    *(
        case(
            (
                profile.c[item].is_not(None),
                func.coalesce(
                    cast(profile.c.present_since.op("->>")(text_literal(item)), DateTime(timezone=True)),
                    literal(ALWAYS, DateTime(timezone=True)),
                ),
            )
        ).label(item.value)
        for item in ProfileItem
    ),
).join_from(member, profile)


def before_change(connection: Connection, numbers: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """What members are like before a change, as far as it decides what has to be told; by number.

    Of each profile item, since when it is there, if it is.
    """
    return {row.number: row._asdict() for row in connection.execute(_BEFORE.where(member.c.number.in_(numbers)))}


def after_change(
    before: Mapping[str, Any], of_member: Mapping[str, Any], of_profile: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What a member who was like that is like after new values, by column of `member` and of `profile`."""
    items = {
        item: None if of_profile[item] is None else before[item] or _NOT_YET for item in of_profile if item in before
    }
    return {**before, **{column: of_member[column] for column in of_member if column in before}, **items}


def concerns_of(
    before: Mapping[str, Any], of_member: Mapping[str, Any], of_profile: Mapping[str, Any]
) -> Iterator[Concern]:
    """What has to be told of new values, by column of `member` and of `profile`."""
    number, username = before["number"], before["username"]
    was = Sharing(**{fact: before[fact] for fact in FACTS})
    becomes = replace(was, **{fact: of_member[fact] for fact in FACTS if fact in of_member})
    for topic, audiences in _turned(was, becomes):
        yield Concern(number, topic, username, audiences=audiences)
    removed = [item for item in ProfileItem if before[item] and of_profile.get(item, before[item]) is None]
    if removed:  # R22
        named, since = (f"profile.{item}" for item in removed), (before[item] for item in removed)
        yield Concern(number, NoticeTopic.ITEMS_REMOVED, username, tuple(named), tuple(since))
    if of_member.get("username_key", before["username_key"]) != before["username_key"]:
        # Studios know members by name alone, and what they hold under this one is nobody's from now on: whatever it is.
        yield Concern(number, NoticeTopic.RENAMED, username, audiences=BY_NAME)


def tell_of_choices(connection: Connection, number: int, change: PrivacyChange, keyring: Keyring) -> None:
    """Put down what has to be told of settings that are about to change; the caller has locked the member's row."""
    before = before_change(connection, [number])[number]
    write_concerns(connection, [*concerns_of(before, change.of_member(), {})], keyring)


def tell_of_bond(connection: Connection, number: int, bond: Bond, keyring: Keyring, *, holds: bool) -> None:
    """Put down that a right has begun to bind, or does no longer (R50, R52, R54); the member's row says so already."""
    if holds and bond.reason in _ALWAYS_TOLD:
        concern_about(connection, number, _ALWAYS_TOLD[bond.reason], keyring, audiences=RECIPIENTS)
        return
    row = connection.execute(select(*member.c[FACTS]).where(member.c.number == number)).one()
    now = Sharing(**row._asdict())
    for topic, audiences in _turned(replace(now, **{str(bond.state.name): not holds}), now):
        concern_about(connection, number, topic, keyring, audiences=audiences)
    still = tuple(each for each in RECIPIENTS if not now.exists_for(each))
    if bond.reason is Reason.RESTRICTED and still:
        # Whoever was to keep what they hold, and do nothing with it, hears what else was decided meanwhile.
        concern_about(connection, number, NoticeTopic.WITHDRAWN, keyring, audiences=still)


def _turned(before: Sharing, after: Sharing) -> Iterator[tuple[NoticeTopic, tuple[PartnerKind, ...]]]:
    """To whom a change closes everything about a member, or opens it again: of more choices nobody hears (R61)."""
    closed = tuple(each for each in RECIPIENTS if before.exists_for(each) and not after.exists_for(each))
    opened = tuple(each for each in RECIPIENTS if after.exists_for(each) and not before.exists_for(each))
    for topic, audiences in ((NoticeTopic.WITHDRAWN, closed), (NoticeTopic.RESTORED, opened)):
        if audiences:
            yield topic, audiences


def tell_of_rectification(connection: Connection, number: int, since: datetime, keyring: Keyring) -> None:
    """Put down what was rectified (R49): what changed from a day before `since` on, or whatever was received.

    An item that was removed was told of when it was.
    """
    written = select(member_stamp.c.attribute, member_stamp.c.stamp).where(
        member_stamp.c.member == number, member_stamp.c.attribute.in_(_FIELDS)
    )
    begin = since - _AT_LEAST_BEFORE
    corrected = {row.attribute for row in connection.execute(written) if stamps.time_of(row.stamp) >= begin}
    now = before_change(connection, [number])[number]
    there = {f"profile.{item}": now[item] for item in ProfileItem}
    if (counted_since := _taken_back(connection, number, begin)) is not None:
        corrected.add(_PURCHASES)
        there[_PURCHASES] = counted_since
    rectified = {name: received for name in sorted(corrected) if (received := there.get(name, ALWAYS)) is not None}
    if rectified or not corrected:
        more = {"fields": tuple(rectified), "fields_since": tuple(rectified.values())}
        concern_about(connection, number, NoticeTopic.RECTIFIED, keyring, **more)


def _taken_back(connection: Connection, number: int, begin: datetime) -> datetime | None:
    """Since when purchases counted that were taken back from `begin` on, if any were: a purchase is corrected so."""
    purchase, reversal = ledger_entry.alias("purchase"), ledger_entry.alias("reversal")
    found: datetime | None = connection.scalar(
        select(func.min(purchase.c.recorded_at))
        .join(reversal, reversal.c.purchase_id == purchase.c.purchase_id)
        .where(reversal.c.member == number, reversal.c.at >= begin)
        .where(purchase.c.type == LedgerType.PURCHASE, reversal.c.type == LedgerType.REVERSAL)
    )
    return found
