"""What answers look like, for readers; a test holds each to its schema."""

from collections.abc import Mapping
from typing import Any

VERSION = "4f1c0d2a9b7e"
_PAGE = {"next_cursor": None, "has_more": False}
_META = {"policy_version": VERSION}
_REFERRAL = {"campaign": "spring", "sub1": "banner-7", "sub2": None, "sub3": None, "sub4": None, "sub5": None}
_REF = "mbr_3kPZy0q2Wq0fTn1Vh8xJ2A"
_MEMBER = {
    "ref": _REF,
    "username": "night_owl",
    "registration_date": "2026-03-01",
    "site": "main",
    "country": "LU",
    "device": {"type": "mobile", "os": "iOS", "browser": "Mobile Safari"},
    "credit_purchases": {
        "count": 2,
        "credits": 130,
        "first_at": "2026-03-01T20:14:00Z",
        "last_at": "2026-10-20T21:02:00Z",
        "amounts": [{"currency": "EUR", "amount": "59.06"}],
    },
    "referral": _REFERRAL,
}
_PURCHASE = {
    "id": "p-77",
    "type": "purchase",
    "at": "2026-10-20T21:02:00Z",
    "ref": _REF,
    "username": "night_owl",
    **_REFERRAL,
    "credits": 70,
    "amount": "29.40",
    "currency": "EUR",
    "income": "3.92",
}
_PROFILE = {
    "nickname": None,
    "gender": None,
    "age": 34,
    "location": "Esch",
    "sexual_preferences": None,
    "personal_specialty": None,
    "turn_ons": None,
    "dislikes": None,
    "occupation": None,
    "leisure": "climbing",
    "feel_special": None,
}
_CARD = {
    "username": "night_owl",
    "site": "main",
    "favorite": True,
    "fan_club": False,
    "gift_sent": False,
    "regular_payer": None,
    "mask": None,
    "profile": _PROFILE,
    "last_actions": [{"action": "like", "at": "2026-10-30T22:10:00Z"}],
    "spending": {
        "count": 12,
        "credits": 640,
        "first_at": "2026-04-02T20:00:00Z",
        "last_at": "2026-10-30T22:40:00Z",
        "by_feature": [{"feature": "private_chat", "count": 12, "credits": 640}],
    },
}
_FIGURES = {
    "currency": "EUR",
    "clicks": 0,
    "unique_clicks": 0,
    "registrations": 0,
    "first_purchases": 2,
    "purchases": 3,
    "credits": 210,
    "amount": "88.20",
    "refunds": 1,
    "refunded_amount": "29.40",
    "income": "11.76",
}

EXAMPLES: Mapping[str, Any] = {
    "webmaster.list_members": {"data": [_MEMBER], "page": _PAGE, "meta": _META},
    "webmaster.get_member": {"data": _MEMBER, "meta": _META},
    "webmaster.list_purchases": {"data": [_PURCHASE], "page": _PAGE, "meta": {**_META, "watermark": "AXk…"}},
    "webmaster.list_campaigns": {"data": [{"code": "spring", "name": "Spring 2026"}]},
    "statistics.query_statistics": {
        "data": [{"day": "2026-10-01", "campaign": "spring", "country": "LU", **_FIGURES}],
        "totals": [_FIGURES],
        "page": _PAGE,
        "meta": {"timezone": "UTC", "data_through": "2026-10-31T23:59:12Z", **_META},
    },
    "statistics.list_statements": {
        "data": [
            {
                "month": "2026-10",
                "currency": "EUR",
                "earned": "171.64",
                "reversed": "-12.00",
                "payable": "159.64",
                "is_final": True,
            }
        ]
    },
    "model.get_card": {"data": _CARD, "meta": _META},
    "model.list_cards": {"data": [_CARD], "page": _PAGE, "meta": _META},
    "model.batch_cards": {"data": [_CARD], "page": _PAGE, "meta": _META},
    "model.list_spending": {
        "data": [{"at": "2026-10-30T22:40:00Z", "feature": "private_chat", "credits": 60}],
        "page": _PAGE,
        "meta": _META,
    },
    "events.post_events": {
        "accepted": 2,
        "duplicates": 0,
        "rejected": 1,
        "errors": [{"line": 3, "id": "e-3", "code": "unknown_member", "detail": "the member is not registered"}],
    },
    "disclosures.preview_member": {"data": _MEMBER, "meta": _META},
}
