"""Refs: opaque, pairwise, stable, and recognised even when they are somebody else's."""

from hypothesis import given
from hypothesis import strategies as st

from partners.keyring import Keyring
from partners.references import Reference, References
from tests.conftest import SECRET

references = References(Keyring(SECRET))
numbers = st.integers(1, 2**40)


@given(numbers, numbers)
def test_a_ref_reads_back_and_is_stable(partner: int, member: int) -> None:
    ref = references.ref(partner, member)

    assert references.read(ref) == Reference(partner, member)
    assert References(Keyring(SECRET)).ref(partner, member) == ref


@given(numbers, numbers, numbers)
def test_partners_cannot_join_on_refs(one: int, another: int, member: int) -> None:
    """R3: nothing of a ref repeats from partner to partner."""
    first, second = references.ref(one, member), references.ref(another, member)

    assert (first == second) == (one == another)


def test_refs_of_neighbours_share_nothing_to_count_by() -> None:
    refs = references.refs(1, range(1, 2_000))

    assert len({ref[4:10] for ref in refs}) == len(refs)
    assert refs != sorted(refs)


@given(numbers, st.lists(numbers, max_size=9))
def test_many_refs_are_those_of_each_member(partner: int, members: list[int]) -> None:
    assert references.refs(partner, members) == [references.ref(partner, member) for member in members]


def test_another_key_makes_other_refs() -> None:
    another = References(Keyring("quite another secret key, as long as it must be"))

    assert another.ref(1, 1) != references.ref(1, 1)


@given(st.text(max_size=40))
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    assert references.read(text) is None
    assert references.read("mbr_" + text) is None


@given(numbers, numbers, st.integers(0, 21), st.sampled_from("Aa0_-!é"))
def test_a_changed_ref_is_never_the_same_member(partner: int, member: int, place: int, letter: str) -> None:
    ref = references.ref(partner, member)
    changed = ref[: 4 + place] + letter + ref[5 + place :]

    assert changed == ref or references.read(changed) != Reference(partner, member)
