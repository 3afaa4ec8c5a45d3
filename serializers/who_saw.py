"""Who saw a member: by recipient, what they were given and what was withheld from them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from partners.access_log.disclosures import ENTERED_BY_HAND
from partners.vocabulary import GIVEN, OUTSIDE
from serializers.policy.recorded import Policies


@dataclass
class Recipient:
    """A partner, or a model through her center, as far as one member is concerned."""

    partner: str | None
    partner_name: str | None
    model: str | None
    model_name: str | None
    audience: str | None
    first: datetime
    last: datetime
    given: int = 0
    """How often something was given."""
    refused: int = 0
    """How often an access about the member gave nothing; that of a 404 names nobody."""
    fields: dict[str, int] = field(default_factory=dict)
    """How often each field was given."""
    withheld: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often each field was withheld, by reason."""

    @property
    def is_partner(self) -> bool:
        """Whether members are disclosed to them: not to auditors and the platform."""
        return self.audience in OUTSIDE


def recipients(rows: Iterable[Row[Any]], policies: Policies) -> list[Recipient]:
    """Sum rows of `askers_about` up, whoever came last first, partners before those of the house."""
    found: dict[tuple[str | None, ...], Recipient] = {}
    for row in rows:
        if row.operation == ENTERED_BY_HAND:
            # Whoever entered it received nothing; who did stands among what was disclosed outside.
            continue
        key = (row.audience, row.partner, row.model)
        one = found.setdefault(
            key,
            Recipient(row.partner, row.partner_name, row.model, row.model_name, row.audience, row.first, row.last),
        )
        one.first, one.last = min(one.first, row.first), max(one.last, row.last)
        _count(one, row, policies)
    return sorted(found.values(), key=lambda each: (each.is_partner, each.last), reverse=True)


def _count(one: Recipient, row: Row[Any], policies: Policies) -> None:
    if row.outcome not in GIVEN:
        one.refused += row.accesses
        return
    one.given += row.accesses
    explainer = policies.explainer(row.policy_version, row.operation)
    if explainer is None:
        return
    explanation = explainer.explain(row.verdict)
    for name in explanation.released:
        one.fields[name] = one.fields.get(name, 0) + row.accesses
    for name, reasons in explanation.withheld.items():
        for reason in reasons:
            one.withheld[name, reason] = one.withheld.get((name, reason), 0) + row.accesses


def told(row: Row[Any], policies: Policies) -> dict[str, Any]:
    """An access about a member, with what of them was given, and what not and why."""
    explainer = policies.explainer(row.policy_version, row.operation)
    explanation = explainer.explain(row.verdict) if explainer and row.outcome in GIVEN else None
    return {
        "row": row,
        "released": explanation.released if explanation else (),
        "withheld": explanation.withheld if explanation else {},
    }
