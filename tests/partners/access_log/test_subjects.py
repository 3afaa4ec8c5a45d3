"""However it is kept whom an access covers, the log tells the same members of it."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from partners.access_log.subjects import (
    DENSE,
    Keeping,
    accesses_about,
    in_blocks,
    in_bulk,
    members_in,
    members_where,
    one_by_one,
)
from partners.tables.access import access_log, access_subject, access_subject_block
from tests.partners.access_log.logs import Log

neighbours = st.integers(0, 2**40).flatmap(
    lambda first: st.dictionaries(st.integers(first, first + 3_000), st.sampled_from([0, 1, 2**40]), max_size=60)
)


@pytest.mark.parametrize("keeping", [one_by_one, in_blocks, in_bulk])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(verdicts=neighbours)
def test_everybody_is_told_with_the_verdict_and_nobody_else(
    log: Log, keeping: Keeping, verdicts: dict[int, int]
) -> None:
    log.add_in_bulk(verdicts, keeping=keeping)

    with log.engines.write.connect() as connection:
        newest = select(access_log.c.id, access_log.c.at).order_by(access_log.c.id.desc()).limit(1)
        access, at = connection.execute(newest).one()
        told = members_where(lambda _, told_access: told_access == access)
        entries = select(access_log.c.id, access_log.c.at, func.row_number().over().label("slot"))
        listed = members_in(entries.where(access_log.c.id == access).subquery("entries"))
        assert {row.member: row.verdict for row in connection.execute(select(told))} == verdicts
        assert {row.at for row in connection.execute(select(told))} <= {at}
        assert sorted(connection.execute(select(listed.c.member)).scalars()) == sorted(verdicts)
        for member in [*verdicts][:3]:
            about = accesses_about(member)
            assert (at, access, verdicts[member]) in [
                tuple(row) for row in connection.execute(select(about.c.at, about.c.access, about.c.verdict))
            ]


def test_neighbours_are_a_row_together_where_they_are_many(log: Log) -> None:
    many = dict.fromkeys(range(1_024, 1_024 + DENSE), 0)
    few = dict.fromkeys(range(4_096, 4_096 + DENSE - 1), 0)

    log.add_in_bulk({**many, **few, 9_000: 1}, keeping=in_blocks)

    with log.engines.write.connect() as connection:
        (block,) = connection.execute(select(access_subject_block)).all()
        singly = connection.execute(select(access_subject.c.member)).scalars().all()
    assert (block.member_bucket, block.member_offsets) == (1, list(range(DENSE)))
    assert sorted(singly) == [*few, 9_000]


@pytest.mark.parametrize("keeping", [in_blocks, in_bulk])
def test_the_last_of_a_bucket_is_told_and_nobody_in_the_same_place_of_another(log: Log, keeping: Keeping) -> None:
    last = 2**14 - 1
    log.add_in_bulk(dict.fromkeys(range(last - DENSE + 1, last + 1), 0), keeping=keeping)

    with log.engines.write.connect() as connection:
        told = members_where(lambda access_at, _: access_at.is_not(None))
        assert max(connection.execute(select(told.c.member)).scalars()) == last
        assert len(connection.execute(select(accesses_about(last))).all()) == 1
        for stranger in (last - 2**10, last + 2**10, last + 2**14):
            assert connection.execute(select(accesses_about(stranger))).all() == []


@pytest.mark.parametrize("keeping", [one_by_one, in_blocks, in_bulk])
def test_accesses_of_one_instant_keep_their_members_apart(log: Log, keeping: Keeping) -> None:
    at = datetime.now(UTC)
    whom = [range(1, DENSE + 1), range(DENSE + 1, 2 * DENSE + 1)]
    for members in whom:
        log.add_in_bulk(dict.fromkeys(members, 0), keeping=keeping, at=at)

    with log.engines.write.connect() as connection:
        slots = func.row_number().over(order_by=access_log.c.transaction).label("slot")
        entries = select(access_log.c.id, access_log.c.at, slots).subquery("entries")
        told = connection.execute(select(members_in(entries)).order_by("slot", "member")).all()
    assert [tuple(row) for row in told] == [(slot, each) for slot, members in enumerate(whom, 1) for each in members]
