"""Cursors open only where they were made, and only whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.cursors import Cursors
from gateway.http.problems import Problem
from partners.keyring import Keyring
from tests.conftest import SECRET

cursors = Cursors(Keyring(SECRET))
BOUND = {"client": "c1", "site": "main"}
positions = st.lists(st.integers(0, 2**53) | st.text(max_size=30), min_size=1, max_size=3)


@given(positions)
def test_a_cursor_opens_to_its_position(position: list[int | str]) -> None:
    sealed = cursors.seal(position, bound_to=BOUND)

    assert cursors.open(sealed, bound_to=BOUND) == position
    assert cursors.seal(position, bound_to=BOUND) == sealed


def test_no_cursor_is_the_start() -> None:
    assert cursors.open(None, bound_to=BOUND) is None


@pytest.mark.parametrize("bound_to", [{}, BOUND | {"client": "c2"}, BOUND | {"country": "LU"}, {"client": "c1"}])
def test_a_cursor_of_another_walk_is_refused(bound_to: dict[str, str]) -> None:
    with pytest.raises(Problem):
        cursors.open(cursors.seal([1], bound_to=BOUND), bound_to=bound_to)


@given(positions, st.data())
def test_any_changed_character_is_refused(position: list[int | str], data: st.DataObject) -> None:
    sealed = cursors.seal(position, bound_to=BOUND)
    # The last character of base64 can carry bits that mean nothing; those count too.
    place = data.draw(st.integers(0, len(sealed) - 1) | st.just(len(sealed) - 1))
    letter = data.draw(st.sampled_from([letter for letter in "Aa0_-=!é" if letter != sealed[place]]))
    changed = sealed[:place] + letter + sealed[place + 1 :]

    with pytest.raises(Problem):
        cursors.open(changed, bound_to=BOUND)


@given(st.text(max_size=60))
def test_whatever_is_sent_is_refused(text: str) -> None:
    with pytest.raises(Problem) as refused:
        cursors.open(text, bound_to=BOUND)

    assert [fault.parameter for fault in refused.value.errors] == ["cursor"]
