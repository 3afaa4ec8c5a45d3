"""Members as the feed tells of them: the last writer of each attribute wins, whatever the order of arrival."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from partners.privacy import PrivacyChange, change_privacy
from partners.tables.activity import registration
from partners.tables.member import held_setting, member, member_stamp, profile
from partners.vocabulary import ProfileItem
from tests.factories import add_member, dump
from tests.feeding import IPHONE, LAPTOP, START, Platform, at, event, privacy, referred, registered, updated


def test_registration_makes_a_member_with_profile_and_totals(platform: Platform) -> None:
    platform.must(
        referred(
            username="Night_Owl", sub1="banner-7", sub2="", user_agent=IPHONE, registered_at="2026-03-01T08:00:00Z"
        )
    )

    stored = platform.member()
    assert (stored["username"], stored["username_key"], stored["username_harmless"]) == ("Night_Owl", "night_owl", True)
    assert (stored["site"], stored["country"], stored["sub1"], stored["sub2"]) == ("main", "LU", "banner-7", None)
    assert stored["registered_at"] == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert (stored["device_type"], stored["device_os"], stored["device_browser"]) == ("mobile", "iOS", "Mobile Safari")
    assert stored["mask"] is None
    assert stored["regular_payer"] is False
    assert platform.totals()["usage_clock_at"] == datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert platform.kept_from() == "-infinity"


@pytest.mark.parametrize("subject", ["a/b", "/", ".", ".."])
def test_a_member_whom_no_path_can_name_is_not_registered(platform: Platform, subject: str) -> None:
    """Those who were before are told of as ever."""
    (refused,) = platform.send(registered(subject, username="owl")).errors
    assert (refused.fault.code, refused.fault.detail.partition(" ")[0]) == ("invalid_event", "`subject`")

    with platform.db.write.begin() as connection:
        add_member(connection, subject)
    platform.must(registered(subject, id="again", username="owl"), updated(subject, time=at(hours=1), country="FR"))


def test_registration_without_its_own_time_is_as_old_as_its_event(platform: Platform) -> None:
    platform.must(registered())

    assert platform.member()["registered_at"] == START


def test_username_that_could_identify_is_marked(platform: Platform) -> None:
    platform.must(registered(username="owl@example.com"))

    assert platform.member()["username_harmless"] is False


def test_username_is_stored_in_nfc(platform: Platform) -> None:
    platform.must(registered(username="cafe\u0301"))

    assert platform.member()["username"] == "caf\u00e9"


def test_referred_registration_is_recorded_with_what_was_known(platform: Platform) -> None:
    platform.must(referred(user_agent=IPHONE), registered("m2"), referred("m3", campaign=None))

    rows = platform.rows(registration, "number")
    assert [(row["member"], row["site"], row["country"], row["device_type"], row["counted"]) for row in rows] == [
        (platform.number("m1"), "main", "LU", "mobile", True),
        (platform.number("m3"), "main", "LU", None, True),
    ]
    assert [row["campaign"] is None for row in rows] == [False, True]


def test_a_registration_of_more_than_120_days_ago_counts_without_the_device_that_lapsed(platform: Platform) -> None:
    """R36, R37: the row has none either."""
    edge = at(days=-120)
    for member_id, registered_at in (("m1", edge), ("m2", edge - timedelta(seconds=1))):
        platform.must(referred(member_id, user_agent=IPHONE, registered_at=registered_at.isoformat()))

    assert [row["device_type"] for row in platform.rows(registration, "number")] == ["mobile", None]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"webmaster": "nobody"}, "unknown_partner"),
        ({"webmaster": "center"}, "unknown_partner"),
        ({"webmaster": "nobody", "campaign": "spring"}, "unknown_partner"),
        ({"webmaster": "w1", "campaign": "autumn"}, "unknown_campaign"),
        ({"webmaster": "w1", "campaign": "SPRING"}, "unknown_campaign"),
    ],
    ids=["nobody", "no-webmaster", "nobody-with-campaign", "of-another", "in-capitals"],
)
def test_referral_must_name_who_is_registered(platform: Platform, data: Any, code: str) -> None:
    assert platform.code(registered(**data)) == code
    assert platform.rows(member) == []


def test_second_registration_updates_and_leaves_the_referral(platform: Platform) -> None:
    platform.must(referred(sub1="first"))
    platform.must(
        registered(
            time=at(days=1),
            username="renamed",
            site="second",
            country="DE",
            webmaster="w2",
            campaign="autumn",
            sub1="second",
            user_agent=LAPTOP,
            registered_at="2020-01-01T00:00:00Z",
        )
    )

    stored = platform.member()
    assert (stored["username"], stored["site"], stored["country"]) == ("renamed", "second", "DE")
    assert stored["device_type"] == "desktop"
    assert (stored["sub1"], stored["registered_at"]) == ("first", START)
    assert len(platform.rows(registration)) == 1


def test_older_second_registration_changes_nothing(platform: Platform) -> None:
    platform.must(registered(time=at(days=1)))
    platform.must(registered(time=START, username="older", site="older", country="FR"))

    stored = platform.member()
    assert (stored["username"], stored["site"], stored["country"]) == ("user_m1", "main", "LU")


def test_each_attribute_keeps_its_last_writer(platform: Platform) -> None:
    events = [
        updated(time=at(hours=1), site="a", mask="a", profile={"age": 21, "nickname": "a"}),
        updated(time=at(hours=2), site="b", profile={"age": 22}),
        updated(time=at(hours=3), mask="c", regular_payer=True, country="DE"),
        updated(time=at(hours=4), profile={"nickname": None}, country="FR"),
    ]
    for number, order in enumerate(permutations(events)):
        subject = f"m{number}"
        platform.must(registered(subject))
        platform.must(*({**sent, "subject": subject, "id": f"{subject}{sent['id']}"} for sent in order))

        stored = platform.member(subject)
        assert (stored["site"], stored["mask"], stored["country"], stored["regular_payer"]) == ("b", "c", "FR", True)
        assert (stored["age"], stored["nickname"]) == (22, None)


def test_update_before_the_registration_s_time_loses_to_it(platform: Platform) -> None:
    platform.must(registered(time=at(hours=2)), updated(time=at(hours=1), site="older", mask="kept"))

    stored = platform.member()
    assert (stored["site"], stored["mask"]) == ("main", "kept")


def test_ties_go_to_the_greater_source_and_id_in_byte_order(platform: Platform) -> None:
    def tied(source: str, event_id: str, site: str) -> dict[str, Any]:
        return updated(time=at(hours=1), site=site) | {"source": source, "id": event_id}

    platform.must(
        registered(),
        tied("/b", "1", "greater-source"),
        tied("/a", "9", "smaller-source"),
        tied("/b", "10", "greatest"),
        tied("/B", "2", "capital"),
    )
    assert platform.member()["site"] == "greatest"

    platform.must(tied("/\uffee", "1", "high"), tied("/\U00010000", "1", "highest"), tied("/\uffef", "1", "between"))
    assert platform.member()["site"] == "highest"


def test_same_instant_in_another_zone_is_a_tie(platform: Platform) -> None:
    first = updated(time=at(hours=1), site="first") | {"id": "b"}
    second = updated(site="second") | {"id": "a", "time": "2026-10-01T15:00:00+02:00"}
    platform.must(registered(), first, second)

    assert platform.member()["site"] == "first"


def test_null_and_empty_clear_what_is_optional(platform: Platform) -> None:
    items = {str(item): "x" for item in ProfileItem if item is not ProfileItem.AGE} | {"age": 30}
    platform.must(registered(), updated(time=at(hours=1), mask="fox", regular_payer=True, profile=items))
    assert platform.member()["leisure"] == "x"
    platform.must(updated(time=at(hours=2), mask="", regular_payer=None, profile=dict.fromkeys(items)))

    stored = platform.member()
    assert (stored["mask"], stored["regular_payer"]) == (None, False)
    assert [stored[item] for item in items] == [None] * 11


def test_profile_cleared_as_a_whole_loses_every_item(platform: Platform) -> None:
    platform.must(registered(), updated(profile={"age": 30, "turn_ons": "x"}), updated(time=at(hours=1), profile=None))

    assert [platform.member()[item] for item in ("age", "turn_ons")] == [None, None]


def test_sensitive_items_are_sealed(platform: Platform) -> None:
    texts = {"sexual_preferences": "canary-a", "turn_ons": "canary-b", "dislikes": "canary-ü"}
    platform.must(registered(), updated(profile=texts))

    stored = platform.member()
    assert {item: platform.keyring.unseal(stored[item]).decode() for item in texts} == texts
    with platform.db.write.connect() as connection:
        whole = dump(connection)
    assert "canary-" not in whole


def test_newest_device_is_kept_as_three_words(platform: Platform) -> None:
    platform.must(
        registered(),
        event("member.device_seen", time=at(hours=2), user_agent=IPHONE),
        event("member.device_seen", time=at(hours=1), user_agent=LAPTOP),
    )

    stored = platform.member()
    assert (stored["device_type"], stored["device_os"]) == ("mobile", "iOS")
    with platform.db.write.connect() as connection:
        assert connection.exec_driver_sql("SELECT device_seen_at FROM member").scalar_one() == at(hours=2)
        assert "AppleWebKit" not in dump(connection)


def test_without_a_device_nothing_has_been_seen(platform: Platform) -> None:
    platform.must(registered())

    with platform.db.write.connect() as connection:
        assert connection.exec_driver_sql("SELECT device_seen_at::text FROM member").scalar_one() == "infinity"


def test_every_privacy_setting_is_written(platform: Platform) -> None:
    platform.must(
        registered(),
        privacy(
            profile_visibility="private",
            profile_item_visibility={"age": "private_chatted", "gender": "private", "leisure": None},
            mask_visibility="private_chatted",
            share_regular_payer=False,
            affiliate_sharing=False,
            loyalty_participation=False,
            service_consent=False,
        ),
        privacy(time=at(hours=1), profile_item_visibility={"gender": None}),
    )

    stored = platform.member()
    assert (stored["profile_visibility"], stored["mask_visibility"]) == ("private", "private_chatted")
    assert (stored["age_visibility"], stored["gender_visibility"]) == ("private_chatted", "as_profile")
    assert stored["leisure_visibility"] == "as_profile"
    flags = ("share_regular_payer", "affiliate_sharing", "loyalty_participation", "service_consent")
    assert [stored[flag] for flag in flags] == [False] * 4


def test_gpc_opts_out_and_dnt_changes_nothing(platform: Platform) -> None:
    platform.must(
        registered(),
        event("member.signal_received", time=at(hours=1), signal="dnt"),
        registered("m2"),
        event("member.signal_received", "m2", time=at(hours=1), signal="gpc"),
    )

    assert platform.member("m1")["affiliate_sharing"] is True
    assert platform.member("m2")["affiliate_sharing"] is False


def test_gpc_is_undone_only_by_a_later_choice(platform: Platform) -> None:
    gpc = event("member.signal_received", time=at(hours=2), signal="gpc")
    platform.must(registered(), gpc, privacy(time=at(hours=1), affiliate_sharing=True))
    assert platform.member()["affiliate_sharing"] is False

    platform.must(privacy(time=at(hours=3), affiliate_sharing=True))
    assert platform.member()["affiliate_sharing"] is True


def test_decisions_before_the_registration_are_held_and_applied_with_it(platform: Platform) -> None:
    platform.must(
        privacy(time=at(hours=5), profile_visibility="private", profile_item_visibility={"age": "private"}),
        privacy(time=at(hours=4), profile_visibility="private_chatted"),
        event("member.signal_received", time=at(hours=6), signal="gpc"),
        privacy(time=at(hours=3), affiliate_sharing=True),
    )
    assert len(platform.rows(held_setting)) == 3

    platform.must(referred(time=at(hours=7)))

    stored = platform.member()
    assert (stored["profile_visibility"], stored["age_visibility"]) == ("private", "private")
    assert stored["affiliate_sharing"] is False
    assert platform.rows(held_setting) == []
    assert [row["counted"] for row in platform.rows(registration)] == [False]


def test_held_decisions_keep_their_time(platform: Platform) -> None:
    platform.must(
        privacy(time=at(hours=5), profile_visibility="private"),
        registered(time=at(hours=1)),
        privacy(time=at(hours=4), profile_visibility="all_models"),
    )

    assert platform.member()["profile_visibility"] == "private"


def test_held_decisions_of_others_stay_held(platform: Platform) -> None:
    platform.must(privacy("m1", affiliate_sharing=False), privacy("m2", affiliate_sharing=False), registered("m1"))

    assert [row["member_id"] for row in platform.rows(held_setting)] == ["m2"]


def test_decisions_are_held_since_they_came_by_the_clock_of_the_rules(platform: Platform) -> None:
    platform.must(privacy(affiliate_sharing=False))

    assert [row["held_since"] for row in platform.rows(held_setting)] == [platform.now]


def test_direct_change_is_later_than_any_event(platform: Platform) -> None:
    platform.must(registered())
    with platform.db.write.begin() as connection:
        change = PrivacyChange(affiliate_sharing=False)
        change_privacy(connection, platform.number(), change, now=datetime(2026, 10, 5, tzinfo=UTC))
    platform.must(privacy(time=at(days=3), affiliate_sharing=True))

    assert platform.member()["affiliate_sharing"] is False


@pytest.mark.parametrize(
    "document",
    [
        updated(),
        updated(mask="fox"),
        event("member.device_seen", user_agent="x"),
        event("member.signal_received", signal="dnt"),
    ],
    ids=["nothing", "mask", "device", "dnt"],
)
def test_member_must_have_been_registered(platform: Platform, document: Any) -> None:
    assert platform.code(document) == "unknown_member"
    platform.must(registered(), document)


def test_refused_event_changes_nothing_of_what_it_says(platform: Platform) -> None:
    platform.must(registered(), registered("m2"))
    before = platform.rows(member_stamp, "member", "attribute")

    assert (
        platform.code(updated(time=at(hours=1), site="x", username="user_m2", profile={"age": 30})) == "username_taken"
    )

    assert platform.member()["site"] == "main"
    assert platform.rows(profile, "member")[0]["age"] is None
    assert platform.rows(member_stamp, "member", "attribute") == before


def test_earlier_masks_are_nowhere(platform: Platform) -> None:
    platform.must(registered(), *(updated(time=at(hours=hour), mask=f"mask-{hour}") for hour in (1, 2, 3)))
    platform.must(updated(time=at(hours=4), mask="mask-4"))
    with platform.db.write.connect() as connection:
        whole = dump(connection)

    assert "mask-4" in whole
    assert not any(f"mask-{hour}" in whole for hour in (1, 2, 3))
