"""What a policy may not be: mistakes that could grant by accident are refused at import."""

import pytest
from sqlalchemy import Column, Integer, Text, column, false, func

from partners.vocabulary import SENSITIVE_ITEMS, PartnerKind, ProfileItem, Purpose, Reason
from serializers import model, webmaster
from serializers.policies import DOCUMENT, POLICIES, VERSION
from serializers.policy.conditions import ALWAYS, Atom, PolicyError
from serializers.policy.declaration import Field, Policy
from serializers.policy.publish import markdown, version_of
from serializers.policy.shapes import Text as TextShape
from serializers.statements import Card, MemberRow

NULLABLE = Column("nullable", Integer, nullable=True)


def policy_of(*fields: Field) -> Policy:
    return Policy(
        name="test",
        title="For a test",
        audience=PartnerKind.WEBMASTER,
        operations=(),
        purpose=Purpose.CAMPAIGNS,
        source=webmaster.POLICY.source,
        member=webmaster.POLICY.member,
        rows=webmaster.POLICY.rows,
        fields=fields,
    )


def field_named(name: str, when: Atom | None = None) -> Field:
    return Field(name, column("x", Text), TextShape(), when or ALWAYS, "R1", "For a test.")


def test_negating_what_may_be_null_is_refused() -> None:
    unsafe = Atom("unsafe", NULLABLE > 0, Reason.OPTED_OUT)

    with pytest.raises(PolicyError, match="state it positively"):
        _ = ~unsafe


def test_negating_what_has_a_default_is_allowed() -> None:
    safe = Atom("safe", func.coalesce(NULLABLE > 0, false()), Reason.OPTED_OUT)

    assert ~safe


def test_a_field_named_twice_is_refused() -> None:
    with pytest.raises(PolicyError, match="names a field twice"):
        policy_of(field_named("username"), field_named("username"))


def test_a_field_withheld_without_reason_is_refused() -> None:
    with pytest.raises(PolicyError, match="without a reason"):
        policy_of(field_named("username", Atom("silent", NULLABLE > 0)))


def test_two_atoms_of_one_name_are_refused() -> None:
    first, second = (Atom("same", bound < NULLABLE, Reason.OPTED_OUT) for bound in (1, 2))

    with pytest.raises(PolicyError, match="share a name"):
        policy_of(field_named("one", first), field_named("two", second))


def test_webmasters_get_six_things_and_no_more() -> None:
    """R1: six fields, an opaque ref, the webmaster's own campaign and subs."""
    assert set(MemberRow().fields) == {
        "ref",
        "username",
        "registration_date",
        "site",
        "country",
        "device",
        "credit_purchases",
        "referral",
    }


def test_the_card_is_closed() -> None:
    """R12, R23: the card's keys, and exactly the eleven profile items."""
    profile = {field.name for field in model.POLICY.fields if field.name.startswith("profile.")}

    assert set(Card().fields) == {
        "username",
        "site",
        "favorite",
        "fan_club",
        "gift_sent",
        "regular_payer",
        "mask",
        "profile",
        "last_actions",
        "spending",
    }
    assert profile == {f"profile.{item}" for item in ProfileItem}


def test_sensitive_items_stand_in_no_other_schema() -> None:
    """R24."""
    webmaster_names = {name for field in webmaster.POLICY.fields for name, _ in field.columns()}

    assert not any(item in name for item in SENSITIVE_ITEMS for name in webmaster_names)


def test_every_field_cites_its_rules_and_every_reason_is_declared() -> None:
    for policy in POLICIES:
        for field in policy.fields:
            assert field.clause.startswith("R"), field.name
        assert all(policy.reason_of(atom) for atom in policy.rows)


def test_the_version_follows_the_conditions() -> None:
    changed = {**DOCUMENT, "webmaster": {**DOCUMENT["webmaster"], "rows": DOCUMENT["webmaster"]["rows"][1:]}}

    assert version_of(DOCUMENT) == VERSION
    assert version_of(changed) != VERSION


def test_the_matrix_names_every_field_of_every_audience() -> None:
    matrix = markdown(DOCUMENT, VERSION)

    assert all(f"| `{field.name}` |" in matrix for policy in POLICIES for field in policy.fields)
