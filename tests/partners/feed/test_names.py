"""One holder for each username, and former ones blocked for a year for everybody else (R42)."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import update

from partners.keyring import Digest
from partners.rights.erasure import carry_out
from partners.tables.member import former_username, member
from tests.factories import dump
from tests.feeding import Platform, at, registered, updated


def test_username_is_unique_without_regard_to_case(platform: Platform) -> None:
    platform.must(registered("m1", username="Night_Owl"))

    assert platform.code(registered("m2", username="NIGHT_OWL")) == "username_taken"
    assert platform.code(registered("m2", username="n\u0131ght_owl")) is None


def test_username_of_the_same_batch_is_taken_too(platform: Platform) -> None:
    assert platform.code(registered("m1", username="owl"), registered("m2", username="OWL")) == "username_taken"


def test_line_is_applied_once_its_username_is_free(platform: Platform) -> None:
    late = registered("m2", username="owl")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    platform.must(registered("m1", time=long_ago, username="owl"))
    assert platform.code(late) == "username_taken"

    platform.must(updated("m1", time=long_ago + timedelta(days=1), username="fox"), late)

    assert platform.member("m2")["username"] == "owl"


def test_change_of_case_is_no_change_of_holder(platform: Platform) -> None:
    platform.must(registered(username="owl"), updated(time=at(hours=1), username="Owl"))

    assert platform.member()["username"] == "Owl"
    assert platform.rows(former_username) == []


def test_former_username_is_kept_as_a_keyed_hash_only(platform: Platform) -> None:
    platform.must(registered(username="former_owl"), updated(time=at(hours=1), username="fox"))

    (row,) = platform.rows(former_username)
    assert bytes(row["digest"]) == platform.keyring.digest(Digest.USERNAME, "former_owl")
    assert row["blocked_until"] == datetime(2027, 10, 1, 13, tzinfo=UTC)
    with platform.db.write.connect() as connection:
        assert "former_owl" not in dump(connection)


def test_former_username_cannot_be_registered_or_taken_for_a_year(platform: Platform) -> None:
    platform.must(registered("m1", username="owl"), updated("m1", time=at(hours=1), username="fox"), registered("m2"))
    platform.now = datetime(2027, 10, 1, 12, 59, 59, tzinfo=UTC)

    assert platform.code(registered("m3", username="OWL")) == "username_retired"
    assert platform.code(updated("m2", time=at(hours=2), username="Owl")) == "username_retired"

    platform.now = datetime(2027, 10, 1, 13, tzinfo=UTC)
    platform.must(registered("m3", username="OWL"))
    assert platform.rows(former_username) == []


def test_member_may_return_to_a_former_username(platform: Platform) -> None:
    platform.must(registered(username="owl"), updated(time=at(hours=1), username="fox"))
    platform.must(updated(time=at(hours=2), username="Owl"))

    assert platform.member()["username"] == "Owl"
    assert [bytes(row["digest"]) for row in platform.rows(former_username)] == [
        platform.keyring.digest(Digest.USERNAME, "fox")
    ]


def test_renames_in_any_order_end_with_the_last(platform: Platform) -> None:
    for number, order in enumerate(permutations([(1, "b"), (2, "a"), (3, "c"), (4, "b")])):
        subject = f"m{number}"
        names = {name: f"{name}{number}" for name in "abc"}
        platform.must(registered(subject, username=names["a"]))
        platform.must(*(updated(subject, time=at(hours=hour), username=names[name]) for hour, name in order))

        assert platform.member(subject)["username"] == names["b"]
        blocked = {bytes(row["digest"]) for row in platform.rows(former_username)}
        digests = {name: platform.keyring.digest(Digest.USERNAME, names[name]) for name in "abc"}
        assert {name for name in "abc" if digests[name] in blocked} == {"a", "c"}


def test_older_rename_that_loses_blocks_its_username(platform: Platform) -> None:
    platform.must(registered(username="owl"), updated(time=at(hours=3), username="fox"))
    platform.must(updated(time=at(hours=1), username="between"))

    assert platform.member()["username"] == "fox"
    assert platform.code(registered("m2", username="Between")) == "username_retired"
    assert {row["blocked_until"] for row in platform.rows(former_username)} == {datetime(2027, 10, 1, 15, tzinfo=UTC)}


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_change_that_comes_late_takes_over_no_blocked_username(platform: Platform, *, is_erased: bool) -> None:
    platform.must(registered("m1", username="owl"), updated("m1", time=at(hours=1), username="fox"))
    if is_erased:
        with platform.db.write.begin() as connection:
            carry_out(connection, platform.number("m1"), platform.keyring, platform.now)
    platform.must(registered("m2", username="cat"), updated("m2", time=at(hours=9), username="dog"))

    platform.must(updated("m2", time=at(hours=8), username="owl"))

    assert platform.code(updated("m2", time=at(hours=10), username="owl")) == "username_retired"
    if not is_erased:
        platform.must(updated("m1", time=at(hours=11), username="owl"))


def test_a_username_is_blocked_from_the_last_time_on_that_anybody_gave_it_up(platform: Platform) -> None:
    digest = platform.keyring.digest(Digest.USERNAME, "owl")

    def blocked_until() -> datetime:
        return next(row["blocked_until"] for row in platform.rows(former_username) if bytes(row["digest"]) == digest)

    platform.must(registered("m1", username="owl"), updated("m1", time=at(hours=5), username="fox"))
    platform.must(registered("m2", username="cat"), updated("m2", time=at(hours=2), username="dog"))
    platform.must(updated("m2", time=at(hours=1), username="owl"))
    assert blocked_until() == datetime(2027, 10, 1, 17, tzinfo=UTC)

    platform.must(updated("m1", time=at(hours=9), username="elk"), updated("m1", time=at(hours=7), username="owl"))
    assert blocked_until() == datetime(2027, 10, 1, 21, tzinfo=UTC)


def test_whose_a_username_was_before_it_was_free_again_does_not_count(platform: Platform) -> None:
    platform.must(registered("m1", username="owl"), updated("m1", time=at(hours=1), username="fox"))
    platform.now = at(days=400)
    platform.must(registered("m2", username="cat"), updated("m2", time=at(days=399), username="dog"))
    platform.must(updated("m2", time=at(days=398), username="owl"))

    assert platform.code(updated("m1", time=at(days=400), username="owl")) == "username_retired"
    platform.must(updated("m2", time=at(days=400), username="owl"))


def test_older_rename_to_what_is_somebody_s_now_blocks_nothing(platform: Platform) -> None:
    platform.must(registered("m1", username="owl"), updated("m1", time=at(hours=3), username="fox"))
    platform.must(registered("m2", username="hare"))

    platform.must(updated("m1", time=at(hours=1), username="hare"))

    assert platform.member("m2")["username"] == "hare"
    assert len(platform.rows(former_username)) == 1


@pytest.mark.parametrize("batch_lines", [1, 100])
def test_usernames_pass_from_one_to_another_within_a_batch(platform: Platform, batch_lines: int) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)

    def day(number: int) -> datetime:
        return long_ago + timedelta(days=number)

    platform.must(*(registered(f"m{n}", time=long_ago, username=f"name{n}") for n in (1, 2, 3)))
    platform.must(
        updated("m1", time=day(1), username="spare"),
        updated("m2", time=day(2), username="name1"),
        updated("m3", time=day(3), username="name2"),
        updated("m1", time=day(4), username="name3"),
        registered("m4", username="spare"),
        batch_lines=batch_lines,
    )

    assert [platform.member(f"m{n}")["username"] for n in (1, 2, 3, 4)] == ["name3", "name1", "name2", "spare"]


def test_username_of_one_who_is_being_erased_is_retired(platform: Platform) -> None:
    platform.must(registered("m1", username="owl"))
    with platform.db.write.begin() as connection:
        connection.execute(update(member).values(erased=True))

    (error,) = platform.send(registered("m2", username="owl")).errors
    assert error.fault.code == "username_retired"
    assert "blocked for one year" in error.fault.detail


def test_usernames_of_the_erased_are_blocked_former_ones_too(platform: Platform) -> None:
    platform.must(registered("m1", username="owl"), updated("m1", time=at(hours=1), username="fox"))
    with platform.db.write.begin() as connection:
        carry_out(connection, platform.number("m1"), platform.keyring, platform.now)

    assert platform.code(registered("m2", username="fox")) == "username_retired"
    assert platform.code(registered("m2", username="owl")) == "username_retired"


def test_a_former_username_is_that_of_the_erased_until_somebody_else_has_given_it_up(platform: Platform) -> None:
    """The log has the true reason why nothing was found by it, and a living member is not erased."""
    platform.must(registered("m1", username="owl"))
    with platform.db.write.begin() as connection:
        carry_out(connection, platform.number("m1"), platform.keyring, platform.now)
    owl = platform.keyring.digest(Digest.USERNAME, "owl")

    def whose() -> tuple[int | None, bool]:
        (row,) = (row for row in platform.rows(former_username) if bytes(row["digest"]) == owl)
        return row["member"], row["erased"]

    platform.now += timedelta(days=2)
    platform.must(registered("m2", username="cat"), updated("m2", time=platform.now, username="dog"))
    platform.must(updated("m2", time=platform.now - timedelta(days=1), username="owl"))
    assert whose() == (None, True)

    platform.now = at(days=800)
    platform.must(
        registered("m3", time=at(days=798), username="owl"), updated("m3", time=at(days=799), username="hawk")
    )
    assert whose() == (platform.number("m3"), False)
