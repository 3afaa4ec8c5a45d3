"""What partners may ask: the parameters of each list, over fields that are never withheld alone (R61)."""

from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, OneOf, Range, Regexp

from partners.vocabulary import Relation

COUNTRY = Regexp(r"\A[A-Z]{2}\Z", error="A country is two capital letters, as in ISO 3166-1.")
SLUG = Regexp(r"\A[A-Za-z0-9_.-]{1,64}\Z", error="At most 64 letters, digits, `_`, `.` and `-`.")
LARGEST_PAGE = 200
USUAL_PAGE = 50
LARGEST_BATCH = 100
LONGEST_USERNAME = 64
LONGEST_CURSOR = 1_024


class MembersQuery(Schema):
    """The parameters of a member list."""

    limit = fields.Integer(load_default=USUAL_PAGE, validate=Range(1, LARGEST_PAGE))
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


class CardsQuery(Schema):
    """The parameters of a list of cards: by username, or by relation and page by page."""

    username = fields.List(fields.String(validate=Length(1, LONGEST_USERNAME)), validate=Length(1, LARGEST_BATCH))
    relation = fields.String(validate=OneOf(list(Relation)))
    limit = fields.Integer(validate=Range(1, LARGEST_PAGE))
    cursor = fields.String(validate=Length(1, LONGEST_CURSOR))

    @validates_schema
    def _one_way_to_choose(self, query: dict[str, Any], **_: Any) -> None:
        if "username" in query:
            beside = {"relation", "limit", "cursor"} & query.keys()
            if beside:
                raise ValidationError({name: ["Not together with `username`."] for name in beside})
        elif "relation" not in query:
            raise ValidationError("Give `username` or `relation`.", "relation")

    @post_load
    def _usual_page(self, query: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"limit": USUAL_PAGE} | query


class CardsBatch(Schema):
    """The body of a batch: which cards, in which order."""

    usernames = fields.List(
        fields.String(validate=Length(1, LONGEST_USERNAME)), required=True, validate=Length(1, LARGEST_BATCH)
    )


class NoQuery(Schema):
    """A request without parameters."""
