"""Applying purchases of credits and their reversals."""

import hmac
from dataclasses import replace

from partners.feed.activity_state import PurchaseState
from partners.feed.events import Event, Purchased, Refunded
from partners.feed.facts import LedgerEntry
from partners.feed.faults import Refused, Repeated, invalid_value
from partners.feed.member_state import MemberState
from partners.feed.state import State
from partners.feed.totals import Bought
from partners.keyring import Digest
from partners.months import booked_month
from partners.vocabulary import FeedError, LedgerType


def purchase(state: State, event: Event[Purchased]) -> None:
    """Enter a purchase into the ledger and add it to the member's totals; its id must be new."""
    member = state.member(event.subject)
    content = event.content
    if content.purchase_id in state.purchases:
        raise invalid_value("`purchase_id` is that of another purchase")
    totals = member.loaded_totals
    first = not totals.any_bought
    totals.add(content.purchase_id, Bought(event.time, content.credits, content.amount, content.currency))
    entry = _entry(state, event, member, first=first)
    state.purchases[content.purchase_id] = PurchaseState(entry, member.id)
    state.ledger.append(entry)


def refund(state: State, event: Event[Refunded]) -> None:
    """Reverse a purchase in full, also one of a member who is erased; a second time changes nothing."""
    known = state.purchases.get(event.content.purchase_id)
    if known is None or not _is_owner(state, known, event.subject):
        raise _no_purchase(state, event.subject, exists=known is not None)
    if known.reversed:
        raise Repeated
    known.reversed = True
    member = state.members.get(event.subject)
    state.ledger.append(_reversal(state, event, known, member))
    if member is not None:
        member.loaded_totals.take_back(event.content.purchase_id)


def _entry(state: State, event: Event[Purchased], member: MemberState, *, first: bool) -> LedgerEntry:
    content, row = event.content, member.row
    return LedgerEntry(
        purchase_id=content.purchase_id,
        type=LedgerType.PURCHASE,
        member=member,
        owner_digest=None,
        at=event.time,
        credits=content.credits,
        amount=content.amount,
        currency=content.currency,
        income=content.income,
        reason=None,
        webmaster=row["webmaster"],
        campaign=row["campaign"],
        site=row["site"],
        country=row["country"],
        device_type=member.device_type_at(event.time),
        first=first,
        counted=member.is_shared(),
        booked_month=booked_month(event.time, state.now),
    )


def _reversal(state: State, event: Event[Refunded], purchase: PurchaseState, member: MemberState | None) -> LedgerEntry:
    reversed_ = purchase.entry
    # Dimensions are those known when this event is applied (contract §3); of an erased member, what the ledger has.
    known = {}
    if member is not None:
        row = member.row
        known = {"site": row["site"], "country": row["country"], "device_type": member.device_type_at(event.time)}
    return replace(
        reversed_,
        type=LedgerType.REVERSAL,
        member=member,
        owner_digest=purchase.owner_digest,
        at=event.time,
        credits=-reversed_.credits,
        amount=-reversed_.amount,
        income=-reversed_.income,
        reason=event.content.reason,
        first=False,
        counted=reversed_.counted and member is not None and member.is_shared(),
        booked_month=booked_month(event.time, state.now),
        **known,
    )


def _is_owner(state: State, purchase: PurchaseState, subject: str) -> bool:
    if purchase.owner_digest is None:
        return purchase.owner == subject
    expected = state.keyring.digest(Digest.PURCHASE_OWNER, purchase.entry.purchase_id, subject)
    return hmac.compare_digest(purchase.owner_digest, expected)


def _no_purchase(state: State, subject: str, *, exists: bool) -> Refused:
    """Say why there is nothing to reverse: the member is erased or unknown, or has no such purchase."""
    if not exists:
        state.member(subject)
    state.refuse_erased(subject)
    return Refused(FeedError.UNKNOWN_PURCHASE, "`purchase_id` is no purchase of this `subject`")
