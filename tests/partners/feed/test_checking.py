"""What a line must be before anything stored is asked: JSON, an event, of a known type, with known keys and values."""

import random
from typing import Any

import orjson
import pytest

from partners.feed.checking import Checked, check_document, check_line
from partners.feed.events import Event
from partners.feed.faults import Fault
from partners.feed.lines import Line
from partners.vocabulary import FORBIDDEN_NAMES, FeedError
from tests.conftest import NOW
from tests.feeding import acted, event, lines, privacy, purchased, refunded, registered, spent, traffic, updated

ONE_OF_EACH = [
    registered(webmaster="w1", campaign="spring", sub1="a", user_agent="x", registered_at="2026-01-01T00:00:00+02:00"),
    updated(username="new", site="main", country="DE", mask="fox", regular_payer=True, profile={"age": 30}),
    event("member.device_seen", user_agent="Mozilla/5.0"),
    privacy(profile_visibility="private", profile_item_visibility={"age": None, "gender": "all_models"}),
    event("member.signal_received", signal="gpc"),
    purchased(),
    refunded(),
    spent(),
    event("model.favorited", model="mdl-1"),
    event("model.unfavorited", model="mdl-1"),
    event("fanclub.joined", model="mdl-1"),
    event("fanclub.left", model="mdl-1"),
    event("gift.sent", model="mdl-1"),
    acted(),
    traffic(),
    event("model.registered", "mdl-1", name="Anna"),
]


def check(document: Any) -> Checked:
    return check_line(Line(7, orjson.dumps(document), 0), now=NOW)


def fault(document: Any) -> str | None:
    found = check(document).found
    return found.code if isinstance(found, Fault) else None


@pytest.mark.parametrize("document", ONE_OF_EACH, ids=lambda document: document["type"])
def test_every_type_has_a_valid_event(document: Any) -> None:
    assert isinstance(check(document).found, Event)


NOT_JSON = [
    b"{",
    b"nothing",
    b'{"a": NaN}',
    b'{"a": "\\ud800"}',
    b'\xff\xfe{"',
    b"[" * 5_000 + b"]" * 5_000,
    b"\x00",
    b"'a'",
]


@pytest.mark.parametrize("text", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_not_json_is_invalid_json(text: bytes) -> None:
    checked = check_line(Line(3, text, len(text)), now=NOW)

    assert checked == Checked(3, None, None, Fault(FeedError.INVALID_JSON, "the line is not JSON"))


@pytest.mark.parametrize("document", [None, 1, "text", [], [registered()], True])
def test_json_that_is_no_object_is_an_invalid_event(document: Any) -> None:
    assert fault(document) == "invalid_event"


def test_line_that_was_too_long_is_an_invalid_event() -> None:
    found = check_line(Line(3, None, 70_000), now=NOW).found

    assert isinstance(found, Fault)
    assert found.code == "invalid_event"


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type", "time", "subject", "data"])
def test_envelope_without_a_proper_attribute_is_an_invalid_event(attribute: str) -> None:
    without = {name: value for name, value in registered().items() if name != attribute}

    assert fault(without) == "invalid_event"
    for value in (None, "", 1, True, [], ["1.0"], "\x00", "a\x1fb", "x" * 2_000):
        assert fault(without | {attribute: value}) == "invalid_event"


def test_stamps_need_attributes_without_noncharacters() -> None:
    assert fault(registered() | {"source": "\U0010ffff"}) == "invalid_event"


@pytest.mark.parametrize(
    "time",
    [
        "2026-10-01",
        "2026-10-01 12:00:00Z",
        "2026-10-01T12:00:00",
        "2026-13-01T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-10-01T25:00:00Z",
        "2026-10-01T12:00Z",
        "20261001T120000Z",
        "2026-W01-1T12:00:00Z",
        "2026-10-01T12:00:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",
        "２０２６-10-01T12:00:00Z",
        1_790_000_000,
    ],
)
def test_time_must_be_an_rfc_3339_instant(time: Any) -> None:
    assert fault(registered() | {"time": time}) == "invalid_event"


@pytest.mark.parametrize(
    "time",
    ["2026-10-01t12:00:00z", "2026-10-01T14:00:00+02:00", "2026-10-01T12:00:00.123456789Z", "0001-01-01T00:00:00Z"],
)
def test_every_rfc_3339_spelling_of_a_time_is_read(time: str) -> None:
    assert fault(registered() | {"time": time}) is None


def test_time_may_be_five_minutes_ahead_and_not_more() -> None:
    assert fault(registered() | {"time": "2026-11-01T12:05:00Z"}) is None
    assert fault(registered() | {"time": "2026-11-01T12:05:00.000001Z"}) == "invalid_event"


def test_extension_attributes_are_ignored() -> None:
    document = registered() | {"traceparent": "00-0af7", "email": "x", "datacontenttype": "application/json"}

    assert fault(document) is None


def test_binary_data_is_not_taken() -> None:
    assert fault(registered() | {"data_base64": "e30="}) == "invalid_event"


@pytest.mark.parametrize("name", sorted(FORBIDDEN_NAMES))
def test_forbidden_name_comes_before_any_other_fault(name: str) -> None:
    variants = [name, name.upper(), name.replace("_", "-"), name.replace("_", ""), name.title(), f"_{name}-"]
    for variant in variants:
        for data in ({variant: 1}, {"profile": {variant: None}}, {"x": [[{"y": {variant: {}}}]]}, [{variant: 1}]):
            assert fault({"data": data}) == "forbidden_field"
            assert fault(registered() | {"data": data, "time": "never"}) == "forbidden_field"


def test_forbidden_name_is_found_below_thousands_of_levels() -> None:
    deep: Any = {"E-Mail": "x"}
    for _ in range(5_000):
        deep = [deep]

    found = check_document(1, {"data": deep}, now=NOW).found

    assert isinstance(found, Fault)
    assert found.code == "forbidden_field"


def test_name_that_only_contains_a_forbidden_one_is_merely_unknown() -> None:
    assert fault(registered(email_opt_in=True)) == "unknown_field"


def test_type_must_be_known() -> None:
    assert fault(event("member.deleted")) == "unknown_type"


@pytest.mark.parametrize("document", ONE_OF_EACH, ids=lambda document: document["type"])
def test_no_type_takes_a_key_it_does_not_know(document: Any) -> None:
    assert fault(document | {"data": document["data"] | {"shoe_size": 40}}) == "unknown_field"


@pytest.mark.parametrize(
    "document", [updated(profile={"eyes": "blue"}), privacy(profile_item_visibility={"eyes": "private"})]
)
def test_eleven_items_and_no_more(document: Any) -> None:
    assert fault(document) == "unknown_field"


@pytest.mark.parametrize(
    ("document", "key"),
    [(document, key) for document in ONE_OF_EACH for key in document["data"]],
    ids=[f"{document['type']}:{key}" for document in ONE_OF_EACH for key in document["data"]],
)
def test_required_keys_are_required(document: Any, key: str) -> None:
    optional = {
        "webmaster", "campaign", "sub1", "user_agent", "registered_at", "income",
        "mask", "regular_payer", "profile", "profile_visibility", "profile_item_visibility",
    }  # fmt: skip
    free = document["type"] == "member.updated" or key in optional
    data = {name: value for name, value in document["data"].items() if name != key}
    if document["type"] == "member.registered" and key == "user_agent":
        free = True
    if document["type"] in {"member.device_seen", "campaign.traffic"} or (key == "webmaster" and "campaign" in data):
        free = False

    assert fault(document | {"data": data}) == (None if free else "invalid_value")


def test_report_names_the_event_if_its_id_can_be_read() -> None:
    assert check({"id": "e1"}).id == "e1"
    assert [check({"id": value}).id for value in (7, "", "a\x00", "x" * 2_000, None)] == [None] * 5
    assert check({"data": {"email": "x"}, "id": "e1"}).id == "e1"


def test_no_fault_tells_a_value_or_a_key_of_the_line() -> None:
    canary = "canary5f1d"
    for document in ONE_OF_EACH:
        for key in document["data"]:
            for data in ({key: canary * 60 + "\x00"}, {canary: 1}, {key: {canary: canary}}, {key: [canary]}):
                found = check(document | {"data": document["data"] | data}).found
                assert isinstance(found, Fault)
                assert canary not in found.detail


def test_five_thousand_mutated_lines_never_raise() -> None:
    luck = random.Random(20261101)  # noqa: S311 - the same lines every time
    originals = lines(*ONE_OF_EACH).splitlines()
    pool = b'{}[]",:\\0123456789eE+-.truefalsnu\x00\xff\xc3\xa9 \t'
    for _ in range(5_000):
        text = bytearray(luck.choice(originals))
        for _ in range(luck.randint(1, 8)):
            place = luck.randrange(len(text))
            match luck.randrange(4):
                case 0:
                    text[place] = luck.choice(pool)
                case 1:
                    del text[place : place + luck.randint(1, 20)]
                case 2:
                    text[place:place] = luck.choice(originals)[place : place + luck.randint(1, 40)]
                case _:
                    text.insert(place, luck.choice(pool))
            text = text or bytearray(b"{")
        check_line(Line(1, bytes(text), len(text)), now=NOW)


def test_any_json_whatever_in_any_place_never_raises() -> None:
    luck = random.Random(7)  # noqa: S311 - the same documents every time
    odd: list[Any] = [
        None,
        True,
        0,
        -1,
        1e308,
        2**63,
        2**64 - 1,
        "",
        "\x00",
        "\uffff",
        [],
        {},
        [[]],
        {"": {}},
        "é" * 300,
    ]
    for _ in range(5_000):
        document = luck.choice(ONE_OF_EACH)
        document = document | {luck.choice([*document, "x"]): luck.choice(odd)}
        if isinstance(document["data"], dict):
            key = luck.choice([*document["data"], "x"])
            document = document | {"data": document["data"] | {key: luck.choice(odd)}}
        check_document(1, document, now=NOW)
