"""What the sums of the access log say: by hour or day, by partner, by reason, and field by field."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from partners.access_log.figures import Stretch, Sum
from partners.vocabulary import RECIPIENTS, Outcome, PartnerKind
from serializers.policy.recorded import Policies

GIVEN, NOTHING, REFUSED = range(3)
KINDS = ("given", "nothing to give", "refused")
"""Three kinds of outcomes that charts tell apart."""
_KIND_OF = {
    Outcome.RELEASED: GIVEN,
    Outcome.PARTIAL: GIVEN,
    Outcome.EMPTY: NOTHING,
    Outcome.NOT_FOUND: NOTHING,
    Outcome.DENIED: REFUSED,
    Outcome.LIMITED: REFUSED,
    Outcome.ERROR: REFUSED,
}


@dataclass
class Volume:
    """How much one partner asked; or everybody without a token, or the gateway and its operators."""

    partner: str | None
    audience: str | None
    by_house: bool = False
    kinds: list[int] = field(default_factory=lambda: [0, 0, 0])
    members: int = 0
    """Members that were given or looked for, each as often as that was."""

    @property
    def accesses(self) -> int:
        """In all."""
        return sum(self.kinds)


@dataclass(frozen=True)
class Figures:
    """The figures of a stretch of the log."""

    by_time: Sequence[tuple[datetime, Sequence[int]]]
    by_partner: Sequence[Volume]
    """The most first."""
    by_reason: Sequence[tuple[str, int]]
    """Why the caller got nothing, or was refused; the most first."""

    def of(self, partner: str, kind: str) -> "Volume":
        """How much one partner asked, the tools that it let in included."""
        own = [each for each in self.by_partner if each.partner == partner]
        kinds = [sum(each.kinds[number] for each in own) for number in range(len(KINDS))]
        return Volume(partner, kind, kinds=kinds, members=sum(each.members for each in own))

    @property
    def kinds(self) -> list[int]:
        """Accesses by kind."""
        return [sum(values[kind] for _, values in self.by_time) for kind in range(len(KINDS))]


def figures(rows: Iterable[Row[Any]], within: Stretch) -> Figures:
    """Put rows of `partners.access_log.figures.sums` in order."""
    by_time = {slot: [0, 0, 0] for slot in within.slots()}
    by_partner: dict[tuple[str | None, str | None, bool], Volume] = {}
    by_reason: dict[str, int] = {}
    for row in rows:
        kind = _KIND_OF[Outcome(row.outcome)]
        if row.by == Sum.TIME:
            by_time[row.slot][kind] += row.accesses
        elif row.by == Sum.PARTNER:
            whose = (row.partner, row.audience, row.by_house)
            volume = by_partner.setdefault(whose, Volume(*whose))
            volume.kinds[kind] += row.accesses
            volume.members += row.members
        elif row.reason is not None and kind != GIVEN:
            # What was done, such as an opt-out or an erasure, has a reason too.
            by_reason[row.reason] = by_reason.get(row.reason, 0) + row.accesses
    return Figures(
        list(by_time.items()),
        sorted(by_partner.values(), key=lambda volume: (-volume.accesses, volume.partner or "")),
        sorted(by_reason.items(), key=lambda pair: (-pair[1], pair[0])),
    )


@dataclass(frozen=True)
class FieldFigures:
    """How often one field was given, and withheld, member by member."""

    name: str
    given: Sequence[int]
    """To each of `RECIPIENTS`."""
    withheld: int


def by_field(rows: Iterable[Row[Any]], policies: Policies) -> list[FieldFigures]:
    """Explain rows of `partners.access_log.figures.verdicts`, whatever was given most first."""
    given: dict[str, list[int]] = {}
    withheld: dict[str, int] = {}
    for row in rows:
        explainer = policies.explainer(row.policy_version, row.operation)
        if explainer is None:
            continue
        to = RECIPIENTS.index(PartnerKind(explainer.document["audience"]))
        explanation = explainer.explain(row.verdict)
        for name in explanation.released:
            given.setdefault(name, [0] * len(RECIPIENTS))[to] += int(row.members)
        for name in explanation.withheld:
            withheld[name] = withheld.get(name, 0) + int(row.members)
    names = given.keys() | withheld.keys()
    found = [FieldFigures(name, given.get(name, [0] * len(RECIPIENTS)), withheld.get(name, 0)) for name in names]
    return sorted(found, key=lambda each: (-sum(each.given), each.name))


def by_field_and_time(rows: Iterable[Row[Any]], policies: Policies) -> dict[str, dict[datetime, int]]:
    """How often each field was given in each hour or day, in the order of the policies."""
    found: dict[str, dict[datetime, int]] = {}
    for row in rows:
        explainer = policies.explainer(row.policy_version, row.operation)
        if explainer is None:
            continue
        for name in explainer.document["fields"]:
            found.setdefault(name, {})
        for name in explainer.explain(row.verdict).released:
            slots = found[name]
            slots[row.slot] = slots.get(row.slot, 0) + int(row.members)
    return found
