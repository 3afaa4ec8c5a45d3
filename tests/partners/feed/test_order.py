"""Where batches end changes nothing, and the order of arrival changes no state (statistics follow it, R10)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from partners.keyring import Keyring
from partners.postgres.database import Database
from tests.conftest import NOW
from tests.feeding import IPHONE, LAPTOP, START, Platform, event
from tests.partners.feed.conftest import empty, prepare
from tests.sampling import samples

pytestmark = pytest.mark.slow

MEMBERS = st.sampled_from(["m1", "m2", "m3"])
MODELS = st.sampled_from(["mdl-1", "mdl-2", "mdl-3"])
ITEMS = st.sampled_from(["age", "nickname", "leisure"])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "affiliate_sharing": st.booleans(),
        "service_consent": st.booleans(),
        "profile_visibility": st.sampled_from(["all_models", "private"]),
        "profile_item_visibility": st.dictionaries(ITEMS, st.sampled_from(["private", None]), max_size=2),
    },
)
PROFILES = st.fixed_dictionaries(
    {}, optional={"age": st.sampled_from([18, 40, None]), "nickname": st.sampled_from(["a", "b", ""])}
)
UPDATES = st.fixed_dictionaries(
    {},
    optional={
        "site": st.sampled_from(["a", "b", "c"]),
        "country": st.sampled_from(["LU", "DE"]),
        "mask": st.sampled_from(["x", "y", None]),
        "regular_payer": st.booleans(),
        "profile": PROFILES,
    },
)
NAMES = st.sampled_from(["owl", "fox", "Owl", "hare"])
REGISTRATIONS = st.fixed_dictionaries(
    {"username": NAMES, "site": st.sampled_from(["a", "b"]), "country": st.just("LU")},
    optional={"webmaster": st.just("w1"), "user_agent": st.sampled_from([IPHONE, LAPTOP])},
)
PURCHASE_IDS = st.sampled_from(["p1", "p2", "p3", "p4", "p5"])
TIMES = st.integers(0, 700).map(lambda days: START - timedelta(days=700 - days))


def of(type_: str, subject: Any, data: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Any]:
    return st.builds(lambda who, when, what: event(type_, who, when, **what), subject, TIMES, data)


def fixed(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


LATER = st.one_of(
    of("member.updated", MEMBERS, UPDATES),
    of("member.device_seen", MEMBERS, fixed(user_agent=st.sampled_from([IPHONE, LAPTOP]))),
    of("member.privacy_changed", MEMBERS, SETTINGS),
    of("member.signal_received", MEMBERS, fixed(signal=st.sampled_from(["gpc", "dnt"]))),
    of("credits.spent", MEMBERS, fixed(model=MODELS, feature=st.sampled_from(["tip", "video"]), credits=st.just(5))),
    of("model.favorited", MEMBERS, fixed(model=MODELS)),
    of("model.unfavorited", MEMBERS, fixed(model=MODELS)),
    of("fanclub.joined", MEMBERS, fixed(model=MODELS)),
    of("fanclub.left", MEMBERS, fixed(model=MODELS)),
    of("gift.sent", MEMBERS, fixed(model=MODELS)),
    of("action.performed", MEMBERS, fixed(model=MODELS, action=st.sampled_from(["like", "private_chat"]))),
    of(
        "campaign.traffic",
        st.none(),
        fixed(
            webmaster=st.just("w1"),
            campaign=st.just("spring"),
            slot=st.sampled_from(["2026-10-01T11:45:00Z", "2026-10-01T12:00:00Z"]),
            clicks=st.integers(0, 9),
            unique_clicks=st.just(0),
        ),
    ),
    of("model.registered", MODELS, fixed(name=st.sampled_from(["Anna", "Nina"]))),
)
MONEY = fixed(
    purchase_id=PURCHASE_IDS,
    credits=st.just(60),
    amount=st.sampled_from(["29.40", "0.00"]),
    currency=st.sampled_from(["EUR", "USD"]),
    income=st.just("5.00"),
)
ANYTHING = st.one_of(
    LATER,
    of("member.registered", MEMBERS, REGISTRATIONS),
    of("member.updated", MEMBERS, fixed(username=NAMES)),
    of("credits.purchased", MEMBERS, MONEY),
    of("credits.refunded", MEMBERS, fixed(purchase_id=PURCHASE_IDS, reason=st.just("refund"))),
)


@contextmanager
def fresh(db: Database) -> Iterator[Platform]:
    empty(db)
    prepare(db)
    with TemporaryDirectory() as journal:
        yield Platform(db, Keyring("a key for the order of events, no other"), NOW, Path(journal))
    empty(db)


STATE = {
    "member": "SELECT id, username, username_key, username_harmless, site, country, registered_at, mask, "
    "regular_payer, device_type, device_os, device_seen_at::text, profile_visibility, mask_visibility, "
    "share_regular_payer, affiliate_sharing, service_consent, loyalty_participation FROM member",
    "profile": "SELECT id, age, nickname, age_visibility, nickname_visibility, leisure_visibility "
    "FROM profile JOIN member ON number = member",
    "stamps": "SELECT id, attribute, stamp FROM member_stamp JOIN member ON number = member",
    "held": "SELECT member_id, attribute, value, stamp FROM held_setting",
    "totals": "SELECT id, count, credits, first_at, last_at, amounts, usage_clock_at, usage_kept_from::text "
    "FROM purchase_total JOIN member ON number = member",
    "relations": "SELECT member.id, model.id, favorite, favorite_stamp, fan_club, fan_club_stamp, gift_sent, "
    "privately_chatted FROM relation JOIN member ON member.number = member JOIN model ON model.number = model",
    "actions": "SELECT id, at, action FROM action JOIN member ON member.number = member",
    "spending": "SELECT id, at, feature, spending.credits FROM spending JOIN member ON member.number = member",
    "spending totals": "SELECT id, feature, count, spending_total.credits, first_at, last_at "
    "FROM spending_total JOIN member ON member.number = member",
    "traffic": "SELECT slot, clicks, unique_clicks, stamp FROM traffic",
    "models": "SELECT id, name, stamp FROM model",
    "applied": "SELECT digest FROM applied_event",
}
ARRIVAL = {
    "referrals": "SELECT member.id, partner.id, sub1 FROM member JOIN partner ON partner.number = webmaster",
    "registrations": "SELECT registration.at, member.id, registration.site, registration.device_type, counted "
    "FROM registration JOIN member ON member.number = member ORDER BY registration.number",
    "ledger": "SELECT purchase_id, type, member.id, at, amount, ledger_entry.site, ledger_entry.device_type, first, "
    "counted, booked_month FROM ledger_entry JOIN member ON member.number = member ORDER BY ledger_entry.number",
    "former": "SELECT digest, blocked_until, id FROM former_username LEFT JOIN member ON number = member",
}


def seen(connection: Connection, statements: dict[str, str]) -> dict[str, list[str]]:
    """What the statements find, in their order where they have one."""
    found = {name: list(map(str, connection.execute(text(statement)))) for name, statement in statements.items()}
    return {name: rows if "ORDER BY" in statements[name] else sorted(rows) for name, rows in found.items()}


def outcome(db: Database, events: list[Any], *, batch_lines: int, arrival: bool) -> Any:
    with fresh(db) as platform:
        report = platform.send(*events, batch_lines=batch_lines)
        with db.write.connect() as connection:
            return report if arrival else None, seen(connection, STATE | (ARRIVAL if arrival else {}))


@settings(max_examples=samples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANYTHING, min_size=5, max_size=40), st.integers(2, 7))
def test_where_batches_end_changes_nothing(module_db: Database, events: list[Any], few: int) -> None:
    single = outcome(module_db, events, batch_lines=1, arrival=True)

    assert outcome(module_db, events, batch_lines=few, arrival=True) == single
    assert outcome(module_db, events, batch_lines=4_000, arrival=True) == single


FIRST = [
    event("member.registered", member, START - timedelta(days=350), username=f"user_{member}", site="a", country="LU")
    for member in ("m1", "m2", "m3")
] + [event("model.registered", "mdl-3", START - timedelta(days=350), name="Third")]


@settings(max_examples=samples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LATER, max_size=30), st.data())
def test_order_of_arrival_changes_no_state(module_db: Database, events: list[Any], data: st.DataObject) -> None:
    bought: list[tuple[str, str, datetime]] = data.draw(
        st.lists(st.tuples(PURCHASE_IDS, MEMBERS, TIMES), max_size=5, unique_by=lambda purchase: purchase[0])
    )
    figures = {"credits": 60, "amount": "29.40", "currency": "EUR"}
    purchases = [event("credits.purchased", who, when, purchase_id=id_, **figures) for id_, who, when in bought]
    told = [*FIRST, *events, *purchases]
    shuffled = [*FIRST, *data.draw(st.permutations([*events, *purchases]))]

    expected = outcome(module_db, told, batch_lines=4_000, arrival=False)

    assert (
        outcome(module_db, shuffled, batch_lines=data.draw(st.sampled_from([1, 5, 4_000])), arrival=False) == expected
    )


@settings(max_examples=samples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANYTHING, min_size=5, max_size=30), st.data())
def test_replay_of_any_part_changes_nothing(module_db: Database, events: list[Any], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(events), max_size=10))
    with fresh(module_db) as platform:
        first = platform.send(*events)
        refused = {events[error.line - 1]["id"] for error in first.errors}
        with module_db.write.connect() as connection:
            before = seen(connection, STATE | ARRIVAL)
        platform.send(*(sent for sent in again if sent["id"] not in refused))
        with module_db.write.connect() as connection:
            assert seen(connection, STATE | ARRIVAL) == before
