"""Purchases and refunds: one ledger, totals net of what was refunded, and what counts in statistics (R10)."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import update

from partners.rights.erasure import carry_out
from partners.tables.activity import ledger_entry
from partners.tables.member import member
from partners.tables.statistics import feed_progress, statement_total, statistic
from tests.feeding import (
    IPHONE,
    Platform,
    at,
    event,
    privacy,
    purchased,
    referred,
    refunded,
    registered,
    updated,
)


def entries(platform: Platform) -> list[dict[str, Any]]:
    return platform.rows(ledger_entry, "number")


def test_purchase_is_entered_with_what_was_known(platform: Platform) -> None:
    platform.must(referred(user_agent=IPHONE), purchased(time=at(hours=1)))

    (entry,) = entries(platform)
    figures = ("credits", "amount", "currency", "income")
    assert [entry[name] for name in figures] == [60, 2940, "EUR", 500]
    assert [entry[name] for name in ("site", "country", "device_type")] == ["main", "LU", "mobile"]
    assert [entry[name] for name in ("first", "counted", "booked_month")] == [True, True, date(2026, 10, 1)]
    assert entry["member"] == platform.number()
    assert entry["webmaster"] is not None
    assert entry["campaign"] is not None
    assert entry["at"] == at(hours=1)


def test_dimensions_are_those_known_when_applied(platform: Platform) -> None:
    platform.must(referred(), purchased("p1"), updated(time=at(days=1), country="DE", site="second"))
    platform.must(purchased("p2"), refunded("p1", time=at(days=2)))

    assert [(entry["country"], entry["site"]) for entry in entries(platform)] == [
        ("LU", "main"),
        ("DE", "second"),
        ("DE", "second"),
    ]


def test_a_device_that_has_lapsed_counts_nowhere_any_more(platform: Platform) -> None:
    """R36."""
    platform.now = at(days=250)
    platform.must(referred(user_agent=IPHONE), purchased("p1", time=at(hours=1)))
    platform.must(refunded("p1", time=at(days=120)))
    platform.must(purchased("p2", time=at(days=121)), event("member.device_seen", time=at(days=122), user_agent=IPHONE))
    platform.must(purchased("p3", time=at(days=123)), refunded("p3", time=at(days=243, hours=1)))

    known = [(entry["type"], entry["device_type"]) for entry in entries(platform)]
    assert known == [
        ("purchase", "mobile"),
        ("reversal", "mobile"),
        ("purchase", None),
        ("purchase", "mobile"),
        ("reversal", None),
    ]


def test_purchase_of_nobody_s_referral_counts_for_nobody(platform: Platform) -> None:
    platform.must(registered(), purchased())

    (entry,) = entries(platform)
    assert (entry["webmaster"], entry["campaign"], entry["counted"]) == (None, None, False)


def test_first_is_the_first_that_was_applied(platform: Platform) -> None:
    platform.must(referred(), purchased("p1", time=at(days=2)))
    platform.must(purchased("p2", time=at(days=1)), purchased("p3", time=at(days=3)))

    assert [entry["first"] for entry in entries(platform)] == [True, False, False]


def test_refund_does_not_make_the_next_purchase_a_first(platform: Platform) -> None:
    platform.must(referred(), purchased("p1"), refunded("p1", time=at(days=1)))
    platform.must(purchased("p2", time=at(days=2)))

    assert [entry["first"] for entry in entries(platform)] == [True, False, False]


def test_refund_is_a_new_row_with_negative_figures(platform: Platform) -> None:
    platform.must(referred(), purchased(), refunded(time=at(days=3), reason="chargeback"))

    purchase, reversal = entries(platform)
    assert (purchase["type"], reversal["type"]) == ("purchase", "reversal")
    assert [reversal[name] for name in ("credits", "amount", "income")] == [-60, -2940, -500]
    assert (reversal["at"], reversal["reason"], purchase["reason"]) == (at(days=3), "chargeback", None)
    assert reversal["webmaster"] == purchase["webmaster"]


def test_totals_are_net_of_refunds(platform: Platform) -> None:
    platform.must(
        registered(),
        purchased("p1", time=at(days=1)),
        purchased("p2", time=at(days=2), amount="10.00", currency="USD", credits=20),
        purchased("p3", time=at(days=3), amount="0.00"),
        purchased("p4", time=at(days=4), amount="1000", income="0", currency="JPY", credits=5),
    )
    totals = platform.totals()
    assert (totals["count"], totals["credits"]) == (4, 145)
    assert totals["amounts"] == {"EUR": 2940, "USD": 1000, "JPY": 1000}

    platform.must(refunded("p1", time=at(days=9)), refunded("p4", time=at(days=9)))
    totals = platform.totals()
    assert (totals["count"], totals["credits"], totals["first_at"], totals["last_at"]) == (
        2,
        80,
        at(days=2),
        at(days=3),
    )
    assert totals["amounts"] == {"EUR": 0, "USD": 1000}

    platform.must(refunded("p2", time=at(days=9)), refunded("p3", time=at(days=9)))
    totals = platform.totals()
    assert (totals["count"], totals["credits"], totals["first_at"], totals["last_at"]) == (0, 0, None, None)
    assert totals["amounts"] == {}


def test_used_purchase_id_is_refused(platform: Platform) -> None:
    platform.must(registered("m1"), registered("m2"), purchased("p1"))

    assert platform.code(purchased("p1")) == "invalid_value"
    assert platform.code(purchased("p1", "m2")) == "invalid_value"
    assert platform.code(purchased("p2", "m2"), purchased("p2", "m2")) == "invalid_value"
    platform.must(refunded("p1"))
    assert platform.code(purchased("p1")) == "invalid_value"


def test_second_refund_is_a_duplicate(platform: Platform) -> None:
    platform.must(registered(), purchased(), refunded())

    report = platform.send(refunded(), refunded())

    assert (report.accepted, report.duplicates, report.rejected) == (0, 2, 0)
    assert len(entries(platform)) == 2


@pytest.mark.parametrize("subject", ["m1", "m2"])
def test_refund_of_what_is_not_there_is_refused(platform: Platform, subject: str) -> None:
    platform.must(registered("m1"), registered("m2"))

    assert platform.code(refunded("p9", subject)) == "unknown_purchase"


def test_refund_under_another_subject_is_refused(platform: Platform) -> None:
    platform.must(registered("m1"), registered("m2"), purchased("p1", "m1"))

    assert platform.code(refunded("p1", "m2")) == "unknown_purchase"
    assert platform.code(refunded("p1", "nobody")) == "unknown_purchase"
    assert platform.code(refunded("p9", "nobody")) == "unknown_member"


def test_refund_that_came_too_early_is_applied_when_sent_again(platform: Platform) -> None:
    early = refunded(time=at(days=1))
    platform.must(registered())
    assert platform.code(early) == "unknown_purchase"

    platform.must(purchased(), early)

    assert platform.totals()["count"] == 0


def test_opted_out_between_two_purchases_the_first_alone_counts(platform: Platform) -> None:
    platform.must(referred(), purchased("p1"), privacy(affiliate_sharing=False), purchased("p2"))

    assert [entry["counted"] for entry in entries(platform)] == [True, False]


@pytest.mark.parametrize("state", ["objecting", "restricted"])
def test_withheld_member_does_not_count(platform: Platform, state: str) -> None:
    platform.must(referred())
    with platform.db.write.begin() as connection:
        connection.execute(update(member).values({state: True}))

    platform.must(purchased())

    assert [entry["counted"] for entry in entries(platform)] == [False]


def test_without_service_consent_nothing_counts(platform: Platform) -> None:
    platform.must(referred(), privacy(service_consent=False), purchased())

    assert [entry["counted"] for entry in entries(platform)] == [False]


@pytest.mark.parametrize(
    ("counted", "shared", "expected"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_refund_counts_if_its_purchase_did_and_the_member_is_shared_now(
    platform: Platform, counted: bool, shared: bool, expected: bool
) -> None:
    platform.must(referred(), privacy(time=at(hours=1), affiliate_sharing=counted), purchased())
    platform.must(privacy(time=at(hours=2), affiliate_sharing=shared), refunded())

    assert [entry["counted"] for entry in entries(platform)] == [counted, expected]


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC), date(2026, 10, 1)),
        (datetime(2026, 11, 3, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2027, 1, 15, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_late_purchase_is_booked_where_the_month_is_still_open(platform: Platform, now: datetime, month: date) -> None:
    platform.now = now

    platform.must(referred(), purchased(time=at(days=30)), refunded(time=at(days=30, hours=1)))

    assert [entry["booked_month"] for entry in entries(platform)] == [month, month]


def test_a_refund_is_booked_in_a_month_of_its_own(platform: Platform) -> None:
    """Contract §3: a final month never changes."""
    platform.must(referred(), purchased())
    platform.now = datetime(2026, 12, 1, tzinfo=UTC)
    platform.must(refunded(time=datetime(2026, 11, 20, tzinfo=UTC)))

    assert [entry["booked_month"] for entry in entries(platform)] == [date(2026, 10, 1), date(2026, 11, 1)]


def test_purchase_at_the_end_of_a_month_elsewhere_is_booked_by_utc(platform: Platform) -> None:
    document = purchased() | {"time": "2026-11-01T01:00:00+02:00"}

    platform.must(referred(), document)

    assert [entry["booked_month"] for entry in entries(platform)] == [date(2026, 10, 1)]


def test_counters_and_statements_follow_in_the_same_transaction(platform: Platform) -> None:
    platform.must(referred("m1"), purchased("p1", "m1"), privacy("m1", affiliate_sharing=False))
    platform.must(purchased("p2", "m1", time=at(days=9)), refunded("p1", "m1"), referred("m2"))

    counted = platform.rows(statistic, "currency")
    assert [(row["currency"], row["registrations"], row["purchases"], row["refunds"]) for row in counted] == [
        ("EUR", 0, 1, 0),
        (None, 2, 0, 0),
    ]
    assert [(row["earned"], row["reversed"]) for row in platform.rows(statement_total)] == [(1000, -500)]
    assert [row["through"] for row in platform.rows(feed_progress)] == [at(days=9)]


def erase(platform: Platform, *, carried_out: bool) -> None:
    with platform.db.write.begin() as connection:
        connection.execute(update(member).values(erased=True))
    if carried_out:
        with platform.db.write.begin() as connection:
            carry_out(connection, platform.number(), platform.keyring, platform.now)


@pytest.mark.parametrize("carried_out", [False, True])
def test_erased_member_takes_no_event_but_the_refund_of_a_purchase(platform: Platform, carried_out: bool) -> None:
    platform.must(referred("m1", user_agent=IPHONE), purchased("p1", "m1"), purchased("p2", "m1"))
    erase(platform, carried_out=carried_out)
    refused = [
        registered("m1", time=at(days=1), username="again"),
        updated("m1"),
        privacy("m1", affiliate_sharing=False),
        event("member.signal_received", "m1", signal="gpc"),
        event("member.signal_received", "m1", signal="dnt"),
        event("member.device_seen", "m1", user_agent=IPHONE),
        purchased("p3", "m1"),
        event("gift.sent", "m1", model="mdl-1"),
        event("credits.spent", "m1", model="mdl-1", feature="tip", credits=1),
        refunded("p9", "m1"),
    ]
    assert [platform.code(document) for document in refused] == ["erased_member"] * len(refused)

    platform.must(refunded("p1", "m1", time=at(days=2)))

    reversal = entries(platform)[-1]
    assert (reversal["type"], reversal["amount"], reversal["income"]) == ("reversal", -2940, -500)
    assert reversal["counted"] is False
    assert reversal["webmaster"] is not None
    assert (reversal["member"] is None, reversal["owner_digest"] is None) == (carried_out, not carried_out)
    assert (reversal["site"], reversal["country"], reversal["device_type"]) == ("main", "LU", "mobile")


def test_refund_of_another_s_purchase_under_the_id_of_one_who_is_erased_says_so(platform: Platform) -> None:
    platform.must(referred("m1"))
    erase(platform, carried_out=True)
    platform.must(referred("m2"), purchased("p2", "m2"))

    assert platform.code(refunded("p2", "m1")) == "erased_member"


def test_refund_after_erasure_needs_the_same_subject(platform: Platform) -> None:
    platform.must(registered("m1"), registered("m2"), purchased("p1", "m1"))
    with platform.db.write.begin() as connection:
        carry_out(connection, platform.number("m1"), platform.keyring, platform.now)

    assert platform.code(refunded("p1", "m2")) == "unknown_purchase"
    platform.must(refunded("p1", "m1"))
    assert platform.send(refunded("p1", "m1")).duplicates == 1
