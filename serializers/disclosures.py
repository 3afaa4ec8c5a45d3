"""What a member is told about disclosures: who received which fields, when, and for what purpose."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Regexp
from sqlalchemy import Row

from serializers.policy.recorded import Policies
from serializers.policy.shapes import instant
from serializers.queries import USUAL_PAGE, Cursor, PageSize

MODEL = "model:"
"""What a preview's model id stands behind."""


class DisclosuresQuery(Schema):
    """The parameters of a member's list of disclosures."""

    limit = PageSize(load_default=USUAL_PAGE)
    cursor = Cursor()


class PreviewQuery(Schema):
    """The parameter of a preview: as whom."""

    viewer = fields.String(
        data_key="as",
        required=True,
        validate=Regexp(r"\A(webmaster|model:[^\0]{1,255})\Z", error="Either `webmaster`, or `model:` and her id."),
    )


def disclosure(row: Row[Any], policies: Policies) -> dict[str, Any]:
    """One disclosure; its fields are those that this member's own verdict let out, by the policy of that day (R31).

    `model` is null where the recipient acted for none.
    """
    explainer = policies.explainer(row.policy_version, row.operation)
    released = list(explainer.explain(row.verdict).released) if explainer else []
    return {
        "at": instant(row.at),
        "partner": row.partner,
        "model": row.model,
        "purpose": row.purpose,
        "operation": row.operation,
        "fields": released if row.fields is None else row.fields,
    }
