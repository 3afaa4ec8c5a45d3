"""What partners may ask: the parameters of each list, over fields that are never withheld alone (R61)."""

from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

COUNTRY = Regexp(r"\A[A-Z]{2}\Z", error="A country is two capital letters, as in ISO 3166-1.")
SLUG = Regexp(r"\A[A-Za-z0-9_.-]{1,64}\Z", error="At most 64 letters, digits, `_`, `.` and `-`.")
LARGEST_PAGE = 200
LONGEST_CURSOR = 1_024


class MembersQuery(Schema):
    """The parameters of a member list."""

    limit = fields.Integer(load_default=50, validate=Range(1, LARGEST_PAGE))
    cursor = fields.String(validate=Length(1, LONGEST_CURSOR))
    campaign = fields.String(validate=SLUG)
    site = fields.String(validate=SLUG)
    country = fields.String(validate=COUNTRY)
    registered_from = fields.Date()
    registered_to = fields.Date()
    sort = fields.String(load_default="-registration_date", validate=OneOf(["registration_date", "-registration_date"]))

    @validates_schema
    def _in_order(self, query: dict[str, Any], **_: Any) -> None:
        first, last = query.get("registered_from", date.min), query.get("registered_to", date.max)
        if first > last:
            raise ValidationError("Lies before `registered_from`.", "registered_to")


class NoQuery(Schema):
    """A request without parameters."""
