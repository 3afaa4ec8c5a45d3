"""Entries as CEF and syslog: read back by the rules of CEF, RFC 5424 and RFC 5425, hostile values and all."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from serializers.audit import gone
from serializers.siem import syslog
from serializers.siem.cef import LONGEST_MEMBERS, event
from tests.serializers.log_entries import ENTRY, every_kind, hostile_entries
from tests.serializers.syslog_reading import read_cef, read_frames

UNSAFE = re.compile(r"[^\x20-\x7e\xa1-\U0010ffff]")


def shown(text: str) -> str:
    """What a reader gets of a text: line ends, and in place of what a terminal obeys its JSON escape."""
    return "".join(c if c.isprintable() or c in "\r\n" else f"\\u{ord(c):04x}" for c in text)


def test_an_entry_has_everything_that_the_log_knows() -> None:
    head, told = read_cef(event(ENTRY | {"sensitive": ["profile.turn_ons"]}))

    assert told.pop("sensitive") == "profile.turn_ons"
    assert head[:3] == ["CEF:0", "Member Data Gateway", "Member Data Gateway"]
    assert head[4:] == ["members.list", "members.list partial", "3"]
    assert told == {
        "rt": "1793534400123", "externalId": ENTRY["id"], "cat": "webmaster", "act": "partial", "outcome": "success",
        "src": "192.0.2.7", "suid": "cl_1", "partner": "w1", "purpose": "campaigns", "policy": "1f",
        "released": "username,profile.age", "withheld": '{"mask":{"visibility_private":1}}', "index": "7",
        "members": "2", "status": "200", "request id": ENTRY["request_id"], "gatewayMembers": '["m1","m2"]',
    }  # fmt: skip


def test_every_kind_of_entry_is_one_frame() -> None:
    for entry in every_kind():
        ((head, text),) = read_frames(syslog.framed(entry, "gateway.example"))
        fields, told = read_cef(text)
        refused, failed = entry["status"] >= 400, entry["outcome"] == "error"
        assert fields[4] == entry["operation"]
        assert (told["outcome"], fields[6]) == (
            ("failure" if refused or failed else "success"), "8" if failed else "5" if refused else "3"
        )  # fmt: skip
        assert head[:4] == (f"<{13 * 8 + (4 if failed else 5 if refused else 6)}>1", entry["at"], "gateway.example",
                            "member-data-gateway")  # fmt: skip
        assert told.get("reason") == entry["reason"]
        assert told.get("source", told.get("src")) == {"2001:db8::7": "2001:0db8:0000:0000:0000:0000:0000:0007"}.get(
            entry["ip"], entry["ip"]
        )


@given(hostile_entries())
@settings(max_examples=100)
def test_hostile_texts_come_back_and_nothing_else_does(entry: dict[str, Any]) -> None:
    told = event(entry)
    head, extension = read_cef(told)
    honest = read_cef(event(ENTRY | {"model": "x"}))[1]

    assert not UNSAFE.search(told)
    assert head[4] == shown(entry["operation"].replace("\r", " ").replace("\n", " "))
    for key, name in (("partner", "partner"), ("suid", "client"), ("model", "model"), ("policy", "policy_version")):
        assert extension[key] == shown(entry[name])
    assert extension.keys() | {"gatewayMembers", "withheld"} == honest.keys()
    ((_, text),) = read_frames(syslog.framed(entry, entry["partner"]))
    assert text == told


@pytest.mark.parametrize("value", ["=cmd()", "a|b", "\x1b[2J", "x\nCEF:0|x|x|1|x|x|9|", "a\\", "suid=other act=denied"])
def test_known_tricks_stay_texts(value: str) -> None:
    head, extension = read_cef(event(ENTRY | {"client": value, "operation": value}))

    assert len(head) == 7
    assert extension["suid"] == shown(value)
    assert extension["act"] == "partial"


def test_a_frame_is_no_longer_than_receivers_take() -> None:
    crowd = ENTRY | {"members": ["m" * 255] * 100, "member_count": 4_711}

    frame = syslog.framed(crowd, "gateway.example")

    _, told = read_cef(read_frames(frame)[0][1])
    assert len(frame) < 8_192
    assert told["members"] == "4711"
    assert told["gatewayMembers"].count("m" * 255) == LONGEST_MEMBERS // 255


def test_a_record_that_is_gone_is_told_by_its_index() -> None:
    head, told = read_cef(event(gone(7, "acc_1", "2026-11-01T12:00:00Z")))

    assert head[5] == "unknown unknown"
    assert (told["index"], told["externalId"]) == ("7", "acc_1")
    assert "outcome" not in told


def test_frames_follow_each_other() -> None:
    stream = b"".join(syslog.framed(ENTRY | {"index": index}, "gateway.example") for index in range(3))

    assert [read_cef(text)[1]["index"] for _, text in read_frames(stream)] == ["0", "1", "2"]


def test_a_heartbeat_says_how_far_it_came() -> None:
    ((head, text),) = read_frames(syslog.heartbeat(datetime(2026, 11, 1, tzinfo=UTC), "gateway.example", through=41))

    assert head[:2] == ("<110>1", "2026-11-01T00:00:00.000000Z")
    assert read_cef(text)[1] == {"rt": "1793491200000", "index": "41"}
