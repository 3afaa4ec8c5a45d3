"""The prepared statements of every release: which members a partner may ask for, and in which order."""

from serializers.statements import model, webmaster
from serializers.statements.model import CARD_BY_USERNAME, CARDS_BY_USERNAME, Card, cards_page, spending_page
from serializers.statements.prepared import Prepared
from serializers.statements.webmaster import (
    MEMBER_BY_REF,
    MEMBER_FILTERS,
    MemberRow,
    MembersShape,
    PurchaseRow,
    PurchasesShape,
    members_page,
    purchases_page,
)

EVERY_STATEMENT = tuple(each.release.statement for each in (*webmaster.STATEMENTS, *model.STATEMENTS))
"""Statements that together read every column a release may read."""

__all__ = [
    "CARDS_BY_USERNAME",
    "CARD_BY_USERNAME",
    "EVERY_STATEMENT",
    "MEMBER_BY_REF",
    "MEMBER_FILTERS",
    "Card",
    "MemberRow",
    "MembersShape",
    "Prepared",
    "PurchaseRow",
    "PurchasesShape",
    "cards_page",
    "members_page",
    "purchases_page",
    "spending_page",
]
