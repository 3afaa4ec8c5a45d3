"""What stands in one closed list, or is one period, is so wherever it is used."""

from collections.abc import Iterable
from datetime import timedelta

from partners.access_log.records import NETWORK_SURELY_KEPT
from partners.feed.shapes import SHAPES
from partners.tables.access import NETWORK_KEPT, access_network
from partners.tables.member import member
from partners.vocabulary import SUB_GROUPS, SUBS, EventType
from serializers import purchases
from serializers.webmaster import Referral


def subs(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name.startswith("sub"))


def test_sub_ids_have_the_same_names_in_events_tables_rows_and_statistics() -> None:
    assert SUBS == ("sub1", "sub2", "sub3", "sub4", "sub5") == SUB_GROUPS
    assert subs(SHAPES[EventType.MEMBER_REGISTERED].fields) == SUBS
    assert subs(column.name for column in member.c) == SUBS
    assert subs(field.name for field in purchases.POLICY.fields) == subs(Referral().fields) == SUBS


def test_every_type_of_event_has_a_shape() -> None:
    assert set(SHAPES) == set(EventType)


def test_no_verification_misses_an_address_that_a_sweep_may_have_taken() -> None:
    assert timedelta(0) < NETWORK_KEPT - NETWORK_SURELY_KEPT <= timedelta(days=1)
    assert f"after {NETWORK_KEPT.days} days" in (access_network.comment or "")
