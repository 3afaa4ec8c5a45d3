"""What auditors read: entries of the access log in full, their verdicts explained by the policies that made them."""

from base64 import b64encode
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range
from sqlalchemy import Row

from partners.access_log.identifiers import ACCESS_PREFIX, public
from partners.vocabulary import Outcome, Reason
from serializers.policy.recorded import Policies
from serializers.policy.shapes import instant
from serializers.queries import LARGEST_PAGE, LONGEST_CURSOR

LONGEST_TERM = 255
SEARCHED_AS_THEY_ARE = ("partner", "client", "model", "operation", "outcome")


class Term(fields.String):
    """A text to look for; PostgreSQL cannot hold NUL, so nothing will ever be found with it."""

    def __init__(self) -> None:
        """At most 255 characters."""
        super().__init__(validate=[Length(1, LONGEST_TERM), _without_nul])


def _without_nul(text: str) -> None:
    if "\0" in text:
        raise ValidationError("Holds a NUL character.")


class AccessesQuery(Schema):
    """The parameters of a search; everything given must apply."""

    partner = Term()
    client = Term()
    model = Term()
    member = Term()
    operation = Term()
    outcome = fields.String(validate=OneOf(list(Outcome)))
    field = Term()
    reason = fields.String(validate=OneOf(list(Reason)))
    ip = fields.IPInterface()
    since = fields.AwareDateTime(data_key="from", default_timezone=None)
    until = fields.AwareDateTime(data_key="to", default_timezone=None)
    request_id = Term()
    ref = Term()
    limit = fields.Integer(load_default=50, validate=Range(1, LARGEST_PAGE))
    cursor = fields.String(validate=Length(1, LONGEST_CURSOR))

    @validates_schema
    def _ref_needs_its_partner(self, query: dict[str, Any], **_: Any) -> None:
        if "ref" in query and "partner" not in query:
            raise ValidationError("A ref means something for its partner alone: give `partner` too.", "ref")


class MembersQuery(Schema):
    """The parameters of an entry's members."""

    limit = fields.Integer(load_default=50, validate=Range(1, LARGEST_PAGE))
    cursor = fields.String(validate=Length(1, LONGEST_CURSOR))


def entry(row: Row[Any], policies: Policies) -> dict[str, Any]:
    """An entry as contract §6 shapes it: names and reasons, never a value."""
    explainer = policies.explainer(row.policy_version, row.operation)
    released, withheld = explainer.totals(row.verdicts) if explainer else ([], {})
    return {
        "id": public(ACCESS_PREFIX, row.id),
        "at": instant(row.at),
        "request_id": row.request_id,
        "audience": row.audience,
        "partner": row.partner,
        "client": row.client,
        "model": row.model,
        "operation": row.operation,
        "purpose": row.purpose,
        "outcome": row.outcome,
        "status": row.status,
        "reason": row.reason,
        "member_count": row.member_count,
        "members": row.members,
        "fields_released": released,
        "fields_withheld": withheld,
        "policy_version": row.policy_version,
        "ip": str(row.ip) if row.ip else None,
        "index": None,
    }


def whole_entry(row: Row[Any], policies: Policies) -> dict[str, Any]:
    """An entry with the exact bytes that are sealed; `proof` is null until they are."""
    return entry(row, policies) | {"leaf": b64encode(row.leaf).decode(), "proof": None}


def entry_member(row: Row[Any], policies: Policies, of: Row[Any]) -> dict[str, Any]:
    """One member of an entry: what of them was released, and what not and why."""
    explainer = policies.explainer(of.policy_version, of.operation)
    explanation = explainer.explain(row.verdict) if explainer else None
    return {
        "member": row.id,
        "fields_released": list(explanation.released) if explanation else [],
        "fields_withheld": {name: list(why) for name, why in explanation.withheld.items()} if explanation else {},
    }
