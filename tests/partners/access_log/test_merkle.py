"""The tree against RFC 6962 taken literally: every size, every place, every pair of sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.access_log.merkle import (
    BrokenProofError,
    Frontier,
    Hash,
    Tile,
    consistency_path,
    frontier_of,
    inclusion_path,
    leaf_hash,
    root_by_path,
)
from tests.partners.access_log import rfc6962

SIZES = st.one_of(st.integers(1, 70), st.sampled_from([255, 256, 257]))


def entries(size: int) -> list[bytes]:
    return [b"entry %d" % place for place in range(size)]


class Grown:
    """A tree grown leaf by leaf, that keeps every complete subtree."""

    def __init__(self, size: int) -> None:
        self.frontier = Frontier()
        self.subtrees: dict[tuple[int, int], Hash] = {}
        for place, entry in enumerate(entries(size)):
            self.subtrees[0, place] = leaf_hash(entry)
            self.frontier.append(leaf_hash(entry), self.keep)

    def keep(self, height: int, number: int, node: Hash) -> None:
        self.subtrees[height, number] = node

    def subtree(self, height: int, number: int) -> Hash:
        return self.subtrees[height, number]


@pytest.mark.parametrize("size", [*range(34), 255, 256, 257])
def test_roots_are_those_of_the_standard(size: int) -> None:
    grown = Grown(size)

    assert grown.frontier.root() == rfc6962.tree_hash(entries(size))
    assert frontier_of(size, grown.subtree).root() == grown.frontier.root()


@given(size=st.integers(1, 70), data=st.data())
def test_tiles_make_the_tree_that_leaves_do_at_every_stop(size: int, data: st.DataObject) -> None:
    whole, frontier, told = Grown(size), Frontier(), dict[tuple[int, int], Hash]()
    leaves = [leaf_hash(entry) for entry in entries(size)]
    for stop in sorted(data.draw(st.sets(st.integers(1, size)) | st.just({size}))):
        while frontier.size < stop:
            begun = frontier.size // 8 * 8
            if begun + 8 > size or data.draw(st.booleans()):
                frontier.append(leaves[frontier.size], lambda *place_and_node: keep(told, *place_and_node))
            else:
                width = min(stop - begun, 8)
                frontier.grow(
                    Tile(leaves[begun : begun + 8]), width, lambda *place_and_node: keep(told, *place_and_node)
                )

        assert (frontier.size, frontier.root()) == (stop, rfc6962.tree_hash(entries(stop)))

    if frontier.size == size:
        assert {place: node for place, node in told.items() if place[0] >= 3} == {
            place: node for place, node in whole.subtrees.items() if place[0] >= 3
        }


def keep(told: dict[tuple[int, int], Hash], height: int, number: int, node: Hash) -> None:
    told[height, number] = node


@given(size=SIZES, data=st.data())
def test_inclusion_is_proved_as_the_standard_has_it(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    grown, expected = Grown(size), rfc6962.path(index, entries(size))

    assert inclusion_path(index, size, grown.subtree) == expected
    assert root_by_path(index, size, leaf_hash(entries(size)[index]), expected) == grown.frontier.root()


@given(new=SIZES, data=st.data())
def test_consistency_is_proved_as_the_standard_has_it(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))

    assert consistency_path(old, new, Grown(new).subtree) == rfc6962.proof(old, entries(new))


def test_nothing_is_the_beginning_of_everything_without_proof() -> None:
    assert consistency_path(0, 7, Grown(7).subtree) == []


@given(size=st.integers(2, 70), data=st.data())
def test_a_path_proves_one_entry_at_one_place_only(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    grown = Grown(size)
    path, root = inclusion_path(index, size, grown.subtree), grown.frontier.root()

    assert led_to(other, size, entries(size)[index], path) != root
    assert led_to(index, size, entries(size)[other], path) != root
    assert led_to(index, size, entries(size)[index], path[:-1]) != root
    assert led_to(index, size, entries(size)[index], [*path, root]) != root


def led_to(index: int, size: int, entry: bytes, path: list[Hash]) -> Hash | None:
    try:
        return root_by_path(index, size, leaf_hash(entry), path)
    except BrokenProofError:
        return None
