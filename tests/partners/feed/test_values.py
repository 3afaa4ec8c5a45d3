"""What each value may be: one valid event is varied, field by field."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from partners.feed.checking import check_line
from partners.feed.faults import Fault
from partners.feed.lines import Line
from partners.vocabulary import ProfileItem
from tests.conftest import NOW
from tests.feeding import acted, event, privacy, purchased, refunded, registered, spent, traffic, updated


def refusal(document: Any) -> Fault | None:
    found = check_line(Line(7, orjson.dumps(document), 0), now=NOW).found
    return found if isinstance(found, Fault) else None


ITEMS = [str(item.value) for item in ProfileItem]
LONG = "x" * 65
INVALID: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "username": (
        lambda value: registered(username=value),
        [
            None,
            "",
            LONG,
            "a b",
            "a/b",
            ".",
            "..",
            "a\x00",
            "a\u200b",
            "a\u202e",
            "tab\t",
            "nb\u00a0sp",
            7,
            ["a"],
            "\ue000",
        ],
    ),
    "site": (
        lambda value: registered(site=value),
        [None, "", LONG, "a b", "ä", "a/b", "a\n", 7, "7", "10.0.0.1", "_1-2."],
    ),
    "country": (lambda value: registered(country=value), [None, "", "XX", "lu", "LUX", "UK", 7, "LU "]),
    "webmaster": (lambda value: registered(webmaster=value), [7, "x" * 256, "a\x00", []]),
    "campaign": (lambda value: registered(webmaster="w1", campaign=value), [7, LONG, "a b"]),
    "sub": (lambda value: registered(sub1=value), [7, "x" * 256, "a\x00", []]),
    "user_agent": (lambda value: registered(user_agent=value), [7, [], True]),
    "registered_at": (
        lambda value: registered(registered_at=value),
        [7, "2026-10-01", "2027-01-01T00:00:00Z", "never"],
    ),
    "mask": (lambda value: updated(mask=value), [7, LONG, "a b", True]),
    "regular_payer": (lambda value: updated(regular_payer=value), [1, "true", 0, []]),
    "profile": (lambda value: updated(profile=value), [7, [], "text", True]),
    "age": (lambda value: updated(profile={"age": value}), [17, 121, 30.0, "30", True, 2**63, -1, [30]]),
    "nickname": (lambda value: updated(profile={"nickname": value}), [7, "x" * 501, "a\x00b", {"a": 1}, ["a"]]),
    "turn_ons": (lambda value: updated(profile={"turn_ons": value}), [7, "x" * 501, "a\x00b"]),
    "seen_user_agent": (lambda value: event("member.device_seen", user_agent=value), [None, "", 7]),
    "profile_visibility": (
        lambda value: privacy(profile_visibility=value),
        [None, "", "public", "ALL_MODELS", True, ["private"]],
    ),
    "mask_visibility": (lambda value: privacy(mask_visibility=value), [None, "all_models", 1]),
    "item_visibilities": (lambda value: privacy(profile_item_visibility=value), [None, "private", []]),
    "item_visibility": (lambda value: privacy(profile_item_visibility={"age": value}), ["public", "as_profile", 7]),
    "affiliate_sharing": (lambda value: privacy(affiliate_sharing=value), [None, "false", 0, 1]),
    "service_consent": (lambda value: privacy(service_consent=value), [None, "false"]),
    "loyalty_participation": (lambda value: privacy(loyalty_participation=value), [None, 1.0]),
    "share_regular_payer": (lambda value: privacy(share_regular_payer=value), [None, "yes"]),
    "signal": (lambda value: event("member.signal_received", signal=value), [None, "GPC", "sec-gpc", 1]),
    "purchase_id": (purchased, [None, "", 7, "x" * 256, "p\x00"]),
    "credits": (lambda value: purchased(credits=value), [None, 0, -1, 10_000_001, 5.0, "5", True, 2**63]),
    "amount": (
        lambda value: purchased(amount=value),
        [
            None,
            "",
            29.4,
            29,
            "-1.00",
            "+1",
            "1.",
            ".5",
            "1e3",
            "29.401",
            "1,00",
            " 1",
            "1 ",
            "NaN",
            "9" * 21,
            "9" * 20,
            "٢",
            "0x10",
        ],
    ),
    "yen": (lambda value: purchased(currency="JPY", amount=value, income="0"), ["1.0", "1.00"]),
    "currency": (lambda value: purchased(currency=value), [None, "", "eur", "XXX", "EURO", 978, "XAU"]),
    "income": (lambda value: purchased(income=value), [5, "-5.00", "5.001", "five"]),
    "reason": (lambda value: refunded(reason=value), [None, "", "regret", 1]),
    "model": (lambda value: spent(model=value), [None, "", 7, "x" * 256]),
    "feature": (lambda value: spent(feature=value), [None, "", "a b", LONG]),
    "spent_credits": (lambda value: spent(credits=value), [0, -5, 10_000_001, "10", 1.5]),
    "action": (acted, [None, "", "favorited", "kiss", 1]),
    "gift_model": (lambda value: event("gift.sent", model=value), [None, "", 7]),
    "slot": (
        lambda value: traffic(slot=value),
        [
            None,
            "2026-10-01T11:50:00Z",
            "2026-10-01T11:45:01Z",
            "2026-10-01T11:45:00.1Z",
            "2026-12-01T00:00:00Z",
            "2026-10-01T11:45:00+00:05",
        ],
    ),
    "clicks": (lambda value: traffic(clicks=value), [None, -1, 1.0, "9", True, 10**10]),
    "unique_clicks": (lambda value: traffic(unique_clicks=value), [None, -1, 1.0]),
    "traffic_webmaster": (lambda value: traffic(webmaster=value), [None, "", 7]),
    "traffic_campaign": (lambda value: traffic(campaign=value), [None, "", "a b"]),
    "model_name": (lambda value: event("model.registered", "mdl-1", name=value), [None, "", 7, "x" * 256, "a\x00"]),
}


@pytest.mark.parametrize("name", INVALID)
def test_value_outside_its_bounds_is_refused(name: str) -> None:
    make, values = INVALID[name]
    for value in values:
        refused = refusal(make(value))
        assert refused is not None, value
        assert refused.code == "invalid_value", value


VALID: list[Any] = [
    registered(username="Ünï-çødé_名前"),
    registered(username="x" * 64),
    registered(username="%2e"),
    registered(webmaster="", campaign=None, sub1="", sub5=None, user_agent="", registered_at=None),
    registered(sub1="x" * 255, sub2="with blanks, and\nlines"),
    registered(user_agent="x" * 60_000),
    registered(registered_at="2026-11-01T12:05:00Z"),
    updated(),
    updated(mask=None, regular_payer=None, profile=None),
    updated(mask="", profile=dict.fromkeys(ITEMS)),
    updated(profile=dict.fromkeys(ITEMS, "")),
    updated(profile={"age": 18, "leisure": "x" * 500}),
    updated(profile={"age": 120, "leisure": "\U0001f600" * 500}),
    privacy(),
    privacy(profile_item_visibility={}),
    event("member.signal_received", signal="dnt"),
    purchased(amount="0", income=None),
    purchased(amount="0.0", income=""),
    purchased(amount="007.50"),
    purchased(currency="JPY", amount="1000", income="50"),
    purchased(currency="BHD", amount="1.234", income="0.001"),
    purchased(credits=10_000_000),
    traffic(clicks=0, unique_clicks=0, slot="2026-10-01T13:45:00+02:00"),
    traffic() | {"subject": "somebody"},
]


@pytest.mark.parametrize("document", VALID, ids=range(len(VALID)))
def test_value_within_its_bounds_is_taken(document: Any) -> None:
    assert refusal(document) is None


def test_integer_too_large_for_any_machine_is_refused() -> None:
    text = orjson.dumps(purchased(credits=1)).replace(b'"credits":1', b'"credits":' + b"9" * 30)

    found = check_line(Line(1, text, len(text)), now=NOW).found

    assert isinstance(found, Fault)
    assert found.code == "invalid_value"


def test_campaign_without_its_webmaster_is_refused() -> None:
    refused = refusal(registered(campaign="spring"))

    assert refused is not None
    assert refused.code == "invalid_value"
