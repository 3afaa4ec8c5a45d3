"""What a model may learn about a member's spending with her, line by line."""

from partners.tables.activity import relation, spending
from partners.tables.member import member
from partners.vocabulary import PartnerKind, Purpose
from serializers import model
from serializers.policy.conditions import ALWAYS
from serializers.policy.declaration import Field, Policy
from serializers.policy.shapes import Instant, Number, Text

POLICY = Policy(
    name="model.spending",
    title="What a model may learn about spending with her",
    audience=PartnerKind.MODEL_CENTER,
    operations=("card.spending",),
    purpose=Purpose.PERSONAL_SERVICE,
    caller=model.POLICY.caller,
    source=model.POLICY.source,
    member=member.c.number,
    rows=model.POLICY.rows,
    fields=(
        Field("at", spending.c.at, Instant(), ALWAYS, "R20", "When it was spent."),
        Field("feature", spending.c.feature, Text(), ALWAYS, "R20", "On which feature."),
        Field("credits", spending.c.credits, Number(), ALWAYS, "R20", "How many credits."),
    ),
)
BELONGS_TO_THE_RELATION = (spending.c.model == relation.c.model) & (spending.c.member == relation.c.member)
