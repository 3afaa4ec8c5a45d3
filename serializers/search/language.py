r"""The language in which the access log is searched: `partner:northlight -outcome:released at:2026-10-01`.

A query is a list of terms, all of which must apply. A term is a qualifier, a colon and a value; several values with
commas between them mean any of them, a leading `-` means none of them. A value with blanks, commas or quotes in it
stands in double quotes, where `\` lets a quote stand for itself.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum

LONGEST_QUERY = 1_000
MOST_TERMS = 30
_HEAD = re.compile(r"(?P<minus>-?)(?P<name>[^\s:\",]+):")
_BARE = re.compile(r"[^\s\",]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_WORD = re.compile(r"\S+")
_BLANKS = re.compile(r"\s*")
_ADDRESS = re.compile(r"(?:[0-9.]+|[0-9a-f]*:[0-9a-f:.]+)(?:/[0-9]+)?")
_ALIKE = 0.5
_LISTED_IN_FULL = 24


class Qualifier(StrEnum):
    """What a term can ask about."""

    PARTNER = "partner"
    CLIENT = "client"
    MODEL = "model"
    MEMBER = "member"
    REF = "ref"
    FIELD = "field"
    REASON = "reason"
    OUTCOME = "outcome"
    OPERATION = "operation"
    AUDIENCE = "audience"
    PURPOSE = "purpose"
    CASE = "case"
    IP = "ip"
    AT = "at"
    REQUEST_ID = "request_id"


ABOUT_SOMEBODY = frozenset({Qualifier.MEMBER, Qualifier.REF})
"""Qualifiers that name a member."""


@dataclass(frozen=True)
class Term:
    """One thing that must apply."""

    qualifier: Qualifier
    values: tuple[str, ...]
    """Any of these."""
    negated: bool = False
    place: int = field(default=0, compare=False)
    """Where in the query it stands, counted from 0."""


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a query: a sentence, and where it is."""

    text: str
    place: int = 0
    parameter: str = "q"
    """Beside which a search may have plain ones."""


class QueryError(Exception):
    """A query that means nothing; every mistake is named, and nothing of it was dropped."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        """Take the mistakes, at least one."""
        self.mistakes = tuple(mistakes)
        super().__init__(" ".join(mistake.text for mistake in self.mistakes))


def read(query: str) -> tuple[Term, ...]:
    """Return the terms of a query in their order; raise `QueryError`."""
    if len(query) > LONGEST_QUERY:
        raise QueryError([Mistake(f"A query has at most {LONGEST_QUERY} characters.")])
    if "\0" in query:
        raise QueryError([Mistake("A query holds no NUL character.", query.index("\0"))])
    found = list(_parts(query))
    mistakes = [part for part in found if isinstance(part, Mistake)]
    terms = tuple(part for part in found if isinstance(part, Term))
    if len(terms) > MOST_TERMS:
        mistakes.append(Mistake(f"A query has at most {MOST_TERMS} terms."))
    if mistakes:
        raise QueryError(mistakes)
    return terms


def write(terms: Iterable[Term]) -> str:
    """Return the query that `read` makes the same terms of."""
    return " ".join(
        f"{'-' if term.negated else ''}{term.qualifier}:{','.join(map(_quoted, term.values))}" for term in terms
    )


def suggestion(word: str, known: Iterable[str]) -> str:
    """Say what might have been meant, or if there are only a few, what there is; ends with a full stop."""
    choices = sorted(known)
    close = [each for each in choices if len(word) > 1 and each.startswith(word)]
    close = close or get_close_matches(word.lower(), choices, 1, _ALIKE)
    if close:
        return f" Did you mean “{close[0]}”?"
    return f" There is: {', '.join(choices)}." if 0 < len(choices) <= _LISTED_IN_FULL else ""


def _parts(query: str) -> Iterator[Term | Mistake]:
    place = _skip(query, 0)
    while place < len(query):
        part, end = _part(query, place)
        yield part
        place = _skip(query, end)


def _part(query: str, place: int) -> tuple[Term | Mistake, int]:
    head = _HEAD.match(query, place)
    if head is None:
        word = _word(query, place)
        return Mistake(_lonely(word), place), place + len(word)
    values, end = _values(query, head.end())
    name = head["name"].lower()
    if name not in set(Qualifier):
        word = _word(query, place)
        if _ADDRESS.fullmatch(word):
            return Mistake(_lonely(word), place), place + len(word)
        return Mistake(f"There is no qualifier “{name}”.{suggestion(name, Qualifier)}", place), _end(query, end)
    if values is None:
        return Mistake(f"The quotes after “{name}:” are not closed.", place), len(query)
    if not values or (end < len(query) and not query[end].isspace()):
        text = f"A value should follow “{name}:”; with blanks, commas or quotes in it, it stands in quotes."
        return Mistake(text, place), _end(query, end)
    return Term(Qualifier(name), values, bool(head["minus"]), place), end


def _values(query: str, place: int) -> tuple[tuple[str, ...] | None, int]:
    """Values and where they end; None where quotes are not closed, and none at all where one is missing."""
    values: list[str] = []
    while True:
        if query.startswith('"', place):
            found = _QUOTED.match(query, place)
            if found is None:
                return None, len(query)
            value = re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL)
        else:
            found = _BARE.match(query, place)
            value = found[0] if found else ""
        if found is None or not value:
            return (), place
        values.append(value)
        place = found.end()
        if not query.startswith(",", place):
            return tuple(values), place
        place += 1


def _lonely(word: str) -> str:
    """What to say of a word without a qualifier: what it might be, by how it looks."""
    if re.fullmatch(r"req_[0-9a-f]{32}", word):
        return f"Say what it is: did you mean “request_id:{word}”?"
    if re.fullmatch(r"mbr_\S+", word):
        return f"Say what it is: did you mean “ref:{word}”, with the partner whose ref it is?"
    if _ADDRESS.fullmatch(word):
        return f"Say what it is: did you mean “ip:{word}”?"
    close = get_close_matches(word.lower().lstrip("-"), list(Qualifier), 1)
    example = f"{close[0]}:…" if close else f"member:{word}"
    return f"“{word}” stands without a qualifier. Did you mean “{example}”?"


def _word(query: str, place: int) -> str:
    found = _WORD.match(query, place)
    return found[0] if found else query[place:]


def _skip(query: str, place: int) -> int:
    found = _BLANKS.match(query, place)
    return found.end() if found else place


def _end(query: str, place: int) -> int:
    """Where the word that a place is in ends."""
    return place + len(_word(query, place)) if place < len(query) and not query[place].isspace() else place


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
