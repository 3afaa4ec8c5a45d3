"""A member's settings are read whole, and changed so that no event known today undoes the change."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from partners.keyring import Digest, Keyring
from partners.members import NoSuchMemberError, find_member, require_member
from partners.postgres.database import Database
from partners.privacy import SETTINGS, PrivacyChange, change_privacy, privacy_of
from partners.stamps import of_event
from partners.tables.member import erased_member, member, member_stamp
from partners.vocabulary import ItemVisibility, MaskVisibility, ProfileItem, Reason, Visibility
from tests.conftest import NOW
from tests.factories import add_member


def test_a_new_member_has_the_defaults_of_the_contract(db: Database) -> None:
    with db.write.begin() as connection:
        privacy = privacy_of(connection, add_member(connection))

    assert privacy.profile_visibility is Visibility.ALL_MODELS
    assert privacy.mask_visibility is MaskVisibility.PUBLIC
    assert all(getattr(privacy, name) is True for name in SETTINGS if not name.endswith("visibility"))
    assert privacy.profile_item_visibility == dict.fromkeys(ProfileItem, ItemVisibility.AS_PROFILE)


def test_a_change_touches_what_it_names_and_nothing_else(db: Database) -> None:
    with db.write.begin() as connection:
        changed, other = add_member(connection, "m1"), add_member(connection, "m2")
        before = privacy_of(connection, other)
        change = PrivacyChange(
            affiliate_sharing=False, profile_item_visibility={ProfileItem.AGE: ItemVisibility.PRIVATE}
        )
        change_privacy(connection, changed, change, now=NOW)
        after = privacy_of(connection, changed)

        assert privacy_of(connection, other) == before
    assert (after.affiliate_sharing, after.service_consent) == (False, True)
    assert after.profile_item_visibility[ProfileItem.AGE] is ItemVisibility.PRIVATE
    assert after.profile_item_visibility[ProfileItem.NICKNAME] is ItemVisibility.AS_PROFILE


def test_stamps_are_kept_for_what_changed_and_are_later_than_any_stored(db: Database) -> None:
    future = of_event(NOW + timedelta(minutes=5), "platform", "e1")
    with db.write.begin() as connection:
        number = add_member(connection)
        connection.execute(
            member_stamp.insert().values(member=number, attribute="profile_item_visibility.age", stamp=future)
        )
        change = PrivacyChange(
            mask_visibility=MaskVisibility.PRIVATE,
            profile_item_visibility={ProfileItem.AGE: ItemVisibility.PRIVATE},
        )
        change_privacy(connection, number, change, now=NOW)
        found = connection.execute(select(member_stamp.c.attribute, member_stamp.c.stamp)).all()

    stamps = {row.attribute: row.stamp for row in found}
    assert set(stamps) == {"mask_visibility", "profile_item_visibility.age"}
    assert stamps["profile_item_visibility.age"] > future
    assert of_event(NOW, "\uffff", "z") < stamps["mask_visibility"] < of_event(NOW + timedelta(seconds=1), "", "")


def test_a_second_change_in_the_same_instant_is_the_later_one(db: Database) -> None:
    with db.write.begin() as connection:
        number = add_member(connection)
        stamps = []
        for sharing in (False, True):
            change_privacy(connection, number, PrivacyChange(affiliate_sharing=sharing), now=NOW)
            stamps.append(connection.execute(select(member_stamp.c.stamp)).scalar_one())
        after = privacy_of(connection, number)

    assert stamps[0] < stamps[1]
    assert after.affiliate_sharing is True


def test_whoever_is_missing_is_missing_for_a_true_reason(db: Database, keyring: Keyring) -> None:
    with db.write.begin() as connection:
        begun = add_member(connection, "begun", erased=True)
        connection.execute(erased_member.insert().values(digest=keyring.digest(Digest.MEMBER, "gone"), erased_at=NOW))
        with pytest.raises(NoSuchMemberError) as erasing:
            require_member(connection, "begun", keyring).not_erased()
        with pytest.raises(NoSuchMemberError) as gone:
            require_member(connection, "gone", keyring)
        with pytest.raises(NoSuchMemberError) as unknown:
            require_member(connection, "m\x00", keyring)

    assert (erasing.value.reason, erasing.value.number) == (Reason.ERASED, begun)
    assert (gone.value.reason, gone.value.number) == (Reason.ERASED, None)
    assert (unknown.value.reason, unknown.value.number) == (Reason.UNKNOWN, None)


def test_a_locked_member_waits_for_whoever_holds_them(db: Database) -> None:
    with db.write.begin() as connection:
        add_member(connection)

    with db.write.connect() as holder, db.write.connect() as other:
        find_member(holder, "m1", lock=True)
        other.exec_driver_sql("SET lock_timeout = '50ms'")
        with pytest.raises(Exception, match="lock timeout"):
            other.execute(update(member).values(site="other"))
