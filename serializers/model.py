"""What a model may learn about a member: a closed card, only of members who have had to do with her."""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, and_, bindparam, false, func, select, type_coerce
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONB

from partners import usage
from partners.postgres.literals import number_literal, text_literal
from partners.tables.activity import action, model, relation, spending_total
from partners.tables.member import member, profile, purchase_total
from partners.vocabulary import (
    SENSITIVE_ITEMS,
    ItemVisibility,
    MaskVisibility,
    PartnerKind,
    ProfileItem,
    Purpose,
    Reason,
    Visibility,
)
from serializers.policy.conditions import ALWAYS, Atom, Condition, Named
from serializers.policy.declaration import Field, Policy
from serializers.policy.shapes import Badge, Flag, LastActions, Number, Sealed, Spending, Text
from serializers.rights import RESPECTED_BY_EVERY_AUDIENCE

NEWEST_ACTIONS = 20
CALLER_MODEL = bindparam("caller_model", type_=SqlText)
MAY_READ_SENSITIVE = bindparam("caller_may_read_sensitive", type_=Boolean)

this_model = select(model.c.number).where(model.c.id == CALLER_MODEL).scalar_subquery()

has_had_to_do_with_this_model = Atom(
    "has_had_to_do_with_this_model", relation.c.member.is_not(None), Reason.NO_RELATION
)

privately_chatted = Atom("privately_chatted", func.coalesce(relation.c.privately_chatted, false()))
shares_regular_payer = Atom("shares_regular_payer", member.c.share_regular_payer, Reason.OPTED_OUT)
takes_part_in_loyalty = Atom("takes_part_in_loyalty", member.c.loyalty_participation, Reason.NOT_PARTICIPATING)
mask_is_not_private = Atom(
    "mask_is_not_private", member.c.mask_visibility != text_literal(MaskVisibility.PRIVATE), Reason.VISIBILITY_PRIVATE
)
mask_is_not_for_chatted_only = Atom(
    "mask_is_not_for_chatted_only",
    member.c.mask_visibility != text_literal(MaskVisibility.PRIVATE_CHATTED),
    Reason.VISIBILITY_PRIVATE_CHATTED,
)
profile_is_not_private = Atom(
    "profile_is_not_private", member.c.profile_visibility != text_literal(Visibility.PRIVATE), Reason.VISIBILITY_PRIVATE
)
profile_is_not_for_chatted_only = Atom(
    "profile_is_not_for_chatted_only",
    member.c.profile_visibility != text_literal(Visibility.PRIVATE_CHATTED),
    Reason.VISIBILITY_PRIVATE_CHATTED,
)
may_read_sensitive_items = Atom("may_read_sensitive_items", MAY_READ_SENSITIVE, Reason.SCOPE_MISSING)
usage_still_kept = Atom("usage_still_kept", usage.usage_still_kept(), Reason.RETENTION_120_DAYS)

mask_shown_to_this_model = Named(
    "mask_shown_to_this_model",
    "the member takes part in the loyalty programme, and the mask is public, or for privately chatted models and she "
    "is one",
    takes_part_in_loyalty & mask_is_not_private & (mask_is_not_for_chatted_only | privately_chatted),
)


def item_shown_to_this_model(item: ProfileItem) -> Condition:
    """R21: where profile and item differ the stricter wins; R24: sensitive items need their own scope."""
    visibility = profile.c[f"{item}_visibility"]
    not_private = Atom(
        f"{item}_is_not_private", visibility != text_literal(ItemVisibility.PRIVATE), Reason.VISIBILITY_PRIVATE
    )
    not_for_chatted_only = Atom(
        f"{item}_is_not_for_chatted_only",
        visibility != text_literal(ItemVisibility.PRIVATE_CHATTED),
        Reason.VISIBILITY_PRIVATE_CHATTED,
    )
    shown = (
        profile_is_not_private
        & not_private
        & ((profile_is_not_for_chatted_only & not_for_chatted_only) | privately_chatted)
    )
    if item in SENSITIVE_ITEMS:
        return Named(
            "item_shown_to_this_model_and_scope_granted",
            "as any item, and the token has `cards.sensitive:read`",
            may_read_sensitive_items & shown,
        )
    return Named(
        "item_shown_to_this_model",
        "neither the profile nor the item is private, and where either is for privately chatted models only, she is "
        "one",
        shown,
    )


ITEM_MEANINGS = {
    ProfileItem.NICKNAME: "The profile's nickname.",
    ProfileItem.GENDER: "The profile's gender.",
    ProfileItem.AGE: "The profile's age.",
    ProfileItem.LOCATION: "The profile's location.",
    ProfileItem.SEXUAL_PREFERENCES: "The profile's sexual preferences.",
    ProfileItem.PERSONAL_SPECIALTY: "The profile's personal specialty.",
    ProfileItem.TURN_ONS: "What turns the member on.",
    ProfileItem.DISLIKES: "What the member dislikes.",
    ProfileItem.OCCUPATION: "The profile's occupation.",
    ProfileItem.LEISURE: "How the member spends leisure time.",
    ProfileItem.FEEL_SPECIAL: "What makes the member feel special.",
}


def _item(item: ProfileItem) -> Field:
    sensitive = item in SENSITIVE_ITEMS
    return Field(
        f"profile.{item}",
        profile.c[item],
        Sealed() if sensitive else Number() if item is ProfileItem.AGE else Text(),
        item_shown_to_this_model(item),
        "R21, R24" if sensitive else "R21, R23",
        ITEM_MEANINGS[item],
    )


def _newest_actions() -> ColumnElement[Any]:
    newest = (
        select(func.jsonb_build_array(action.c.action, action.c.at))
        .where(action.c.model == relation.c.model, action.c.member == relation.c.member, usage.action_not_lapsed())
        .order_by(action.c.at.desc(), action.c.number.desc())
        .limit(number_literal(NEWEST_ACTIONS))
        .correlate(relation, purchase_total)
    )
    return type_coerce(func.to_jsonb(func.array(newest.scalar_subquery())), JSONB)


def _spending_by_feature() -> ColumnElement[Any]:
    line = spending_total.c
    lines = (
        select(func.jsonb_build_array(line.feature, line.count, line.credits, line.first_at, line.last_at))
        .where(line.model == relation.c.model, line.member == relation.c.member)
        .order_by(line.feature)
        .correlate(relation)
    )
    return type_coerce(func.to_jsonb(func.array(lines.scalar_subquery())), JSONB)


POLICY = Policy(
    name="model",
    title="What a model may learn about a member",
    audience=PartnerKind.MODEL_CENTER,
    operations=("card.get", "card.batch", "card.list"),
    purpose=Purpose.PERSONAL_SERVICE,
    caller=(
        ("a token with `cards:read`, exchanged for this model's live session", "R26"),
        ("the current terms accepted", "R28"),
        ("inside the EEA, or with a recorded safeguard", "R29"),
    ),
    source=member.join(purchase_total, purchase_total.c.member == member.c.number)
    .join(profile, profile.c.member == member.c.number)
    .outerjoin(relation, and_(relation.c.member == member.c.number, relation.c.model == this_model)),
    member=member.c.number,
    rows=(
        has_had_to_do_with_this_model,  # R14, R66
        *RESPECTED_BY_EVERY_AUDIENCE,  # R50, R54, R55
    ),
    fields=(
        Field("username", member.c.username, Text(), ALWAYS, "R12", "The member's username."),
        Field("site", member.c.site, Text(), ALWAYS, "R12, R13", "The site the member watches from."),
        Field("favorite", relation.c.favorite, Flag(), ALWAYS, "R12, R14", "Whether she is a favourite."),
        Field("fan_club", relation.c.fan_club, Flag(), ALWAYS, "R12, R14", "Whether the member is in her fan club."),
        Field("gift_sent", relation.c.gift_sent, Flag(), ALWAYS, "R12, R14", "Whether the member sent her a gift."),
        Field(
            "regular_payer",
            member.c.regular_payer,
            Badge(),
            shares_regular_payer,
            "R12, R15",
            "A badge of regular payers: `true` or null.",
            badge=True,
        ),
        Field(
            "mask", member.c.mask, Text(), mask_shown_to_this_model, "R12, R16, R17, R18", "The loyalty mask worn now."
        ),
        *(_item(item) for item in ProfileItem),
        Field(
            "last_actions",
            _newest_actions(),
            LastActions(),
            usage_still_kept,
            "R12, R19, R36, R37",
            f"The member's newest {NEWEST_ACTIONS} actions with her.",
        ),
        Field(
            "spending",
            _spending_by_feature(),
            Spending(),
            ALWAYS,
            "R12, R20",
            "What the member spent with her: how often, when, how much, on which feature.",
        ),
    ),
)
