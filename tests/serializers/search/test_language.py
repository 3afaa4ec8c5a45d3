"""The language of searches: what is read, what is written, and that no mistake is dropped."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serializers.search.language import LONGEST_QUERY, MOST_TERMS, Qualifier, QueryError, Term, read, write
from serializers.search.times import NotATimeError, stretch

VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
TERMS = st.builds(
    Term, st.sampled_from(Qualifier), st.lists(VALUES, min_size=1, max_size=3).map(tuple), st.booleans()
)  # fmt: skip


@given(st.lists(TERMS, max_size=6))
def test_what_is_written_is_read_again(terms: list[Term]) -> None:
    query = write(terms)

    if len(query) <= LONGEST_QUERY:
        assert list(read(query)) == terms


@given(st.text(max_size=60))
def test_anything_is_read_whole_or_refused_whole(text: str) -> None:
    """Each word of it stands in a term or is a mistake."""
    try:
        terms = read(text)
    except QueryError:
        assert text.strip()
        return
    assert read(write(terms)) == terms
    assert bool(terms) == bool(text.strip())


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("", []),
        ("  partner:w1  ", [Term(Qualifier.PARTNER, ("w1",))]),
        ("-outcome:released", [Term(Qualifier.OUTCOME, ("released",), negated=True)]),
        ("Outcome:denied,limited", [Term(Qualifier.OUTCOME, ("denied", "limited"))]),
        ('member:"a b","c"', [Term(Qualifier.MEMBER, ("a b", "c"))]),
        (r'partner:"say \"hi\" \\"', [Term(Qualifier.PARTNER, ('say "hi" \\',))]),
        ("ip:2001:db8::/32", [Term(Qualifier.IP, ("2001:db8::/32",))]),
        ("at:>=2026-10-01T12:00Z", [Term(Qualifier.AT, (">=2026-10-01T12:00Z",))]),
        (
            "partner:w1\tpartner:w2",
            [Term(Qualifier.PARTNER, ("w1",)), Term(Qualifier.PARTNER, ("w2",))],
        ),
    ],
)
def test_terms(query: str, terms: list[Term]) -> None:
    assert list(read(query)) == terms


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("parnter:w1", "Did you mean “partner”?"),
        ("zzz:w1", "There is: at, audience, "),
        ("w1", "Did you mean “member:w1”?"),
        ("-memer", "Did you mean “member:…”?"),
        ("192.0.2.7", "Did you mean “ip:192.0.2.7”?".replace("Did", "did")),
        ("2001:db8::1", "did you mean “ip:2001:db8::1”?"),
        ("req_" + "a" * 32, "did you mean “request_id:req_aaaa"),
        ("mbr_x", "did you mean “ref:mbr_x”, with the partner"),
        ("partner:", "A value should follow “partner:”"),
        ("partner: w1", "A value should follow “partner:”"),
        ("partner:w1,", "A value should follow “partner:”"),
        ('partner:""', "A value should follow “partner:”"),
        ('partner:"w1', "are not closed"),
        ('partner:"w1"w2', "A value should follow “partner:”"),
        ("partner:w1\0", "no NUL"),
        ("partner:w1 " * (MOST_TERMS + 1), "at most 30 terms"),
        ("a" * (LONGEST_QUERY + 1), "at most 1000 characters"),
    ],
)
def test_mistakes_are_named(query: str, said: str) -> None:
    with pytest.raises(QueryError) as refused:
        read(query)

    assert any(said in mistake.text for mistake in refused.value.mistakes), refused.value.mistakes


def test_all_mistakes_are_named_at_once_with_their_places() -> None:
    with pytest.raises(QueryError) as refused:
        read("parnter:w1 outcome:denied lonely mebmer:m1")

    assert [mistake.place for mistake in refused.value.mistakes] == [0, 26, 33]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026", utc(2026, 1, 1), utc(2027, 1, 1)),
        ("2026-12", utc(2026, 12, 1), utc(2027, 1, 1)),
        ("2026-10-01", utc(2026, 10, 1), utc(2026, 10, 2)),
        ("2026-10-01T12:00Z", utc(2026, 10, 1, 12), utc(2026, 10, 1, 12, 1)),
        ("2026-10-01t12:00:05z", utc(2026, 10, 1, 12, 0, 5), utc(2026, 10, 1, 12, 0, 6)),
        ("2026-10-01T12:00:05.5+02:00", utc(2026, 10, 1, 10, 0, 5, 500_000), utc(2026, 10, 1, 10, 0, 5, 500_001)),
        ("2026-10-01T12:00:05.1234567Z", utc(2026, 10, 1, 12, 0, 5, 123_456), utc(2026, 10, 1, 12, 0, 5, 123_457)),
        (">=2026-10", utc(2026, 10, 1), None),
        (">2026-10", utc(2026, 11, 1), None),
        ("<=2026-10", None, utc(2026, 11, 1)),
        ("<2026-10", None, utc(2026, 10, 1)),
        ("2026-10-01..2026-10-03", utc(2026, 10, 1), utc(2026, 10, 4)),
        ("2026-10..", utc(2026, 10, 1), None),
        ("..2026-10", None, utc(2026, 11, 1)),
    ],
)
def test_times(text: str, since: datetime | None, until: datetime | None) -> None:
    assert (stretch(text).since, stretch(text).until) == (since, until)


@pytest.mark.parametrize(
    "text",
    [
        "", "..", "yesterday", "2026-13", "2026-02-30", "20261001", "2026-10-01T12:00", "2026-10-01T25:00Z", "9999",
        "2026-10-01T12:00+01:99",
        "9999-12-31", "0001-01-01T00:00+14:00", "2026-11..2026-10", ">", ">=..2026", "٢٠٢٦",
    ],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(NotATimeError):
        stretch(text)
