"""Who is a candidate for an erasure, whether or not a sweep has come by yet (R44)."""

from datetime import timedelta

from sqlalchemy import update

from partners.postgres.database import Database
from partners.rights.inactivity import Candidate, candidates, count
from partners.rights.retention import sweep
from partners.tables.member import purchase_total
from tests.conftest import NOW
from tests.factories import add_action, add_device, add_member, add_model, add_purchase, add_spending

LATER = NOW + timedelta(days=365)
LESS = NOW.replace(hour=0)
LONGER = LESS - timedelta(microseconds=1)


def test_all_that_somebody_did_and_used_counts_before_a_sweep_too(db: Database) -> None:
    with db.write.begin() as connection:
        model = add_model(connection)
        acting, spending, buying, using = (
            add_member(connection, name, registered_at=LONGER) for name in ("acting", "spending", "buying", "using")
        )
        add_member(connection, "gone", registered_at=LONGER)
        add_action(connection, model, acting, at=LESS)
        add_spending(connection, model, spending, at=LESS)
        add_purchase(connection, buying, at=LESS)
        add_device(connection, using, LESS)

        assert [*candidates(connection, now=LATER)] == [Candidate("gone", LONGER.date())]
        assert count(connection, now=LATER) == 1


def test_whoever_is_restricted_or_being_erased_is_none(db: Database) -> None:
    """R50, R54."""
    with db.write.begin() as connection:
        add_member(connection, "restricted", registered_at=LONGER, restricted=True)
        add_member(connection, "erased", registered_at=LONGER, erased=True)

        assert [*candidates(connection, now=LATER)] == []


def test_a_day_that_a_sweep_has_kept_is_not_lost_to_an_earlier_one(db: Database) -> None:
    """Such as that of an action that came late."""
    with db.write.begin() as connection:
        model, number = add_model(connection), add_member(connection, registered_at=LONGER)
        add_action(connection, model, number, at=LESS)
    sweep(db.write, now=LATER, real_now=LATER)
    with db.write.begin() as connection:
        add_action(connection, model, number, at=LONGER)
    sweep(db.write, now=LATER, real_now=LATER)

    with db.write.connect() as connection:
        assert [*candidates(connection, now=LATER)] == []


def test_who_has_just_registered_is_none_whatever_was_bought_before(db: Database) -> None:
    with db.write.begin() as connection:
        add_purchase(connection, add_member(connection, "new", registered_at=LATER), at=LONGER)
        connection.execute(update(purchase_total).values(usage_clock_at=LONGER))

        assert [*candidates(connection, now=LATER)] == []
