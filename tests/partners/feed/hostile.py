"""Lines that nobody should send: one way of spoiling an event after another, each knowing which codes it may earn."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson

from partners.feed.lines import LONGEST_LINE
from partners.vocabulary import FORBIDDEN_NAMES, FeedError
from tests import feeding

CANARY = "canary7c41"
"""Stands in the values and keys of spoilt lines, and nowhere else."""
JSON, EVENT, VALUE = FeedError.INVALID_JSON, FeedError.INVALID_EVENT, FeedError.INVALID_VALUE
ANY = frozenset({None, *FeedError})
"""`None` stands for a line that is applied, or known already."""
Document = dict[str, Any]


@dataclass(frozen=True)
class Spoilt:
    """A line without its line feed, and what may become of it."""

    line: bytes
    outcomes: frozenset[FeedError | None] = ANY


def spoil(random: Random) -> Spoilt:
    """Return a line at fault, or one that only looks like it."""
    return random.choice(_WAYS)(random, _event(random))


def _event(random: Random) -> Document:
    """A good event about a member of the canary's name, with a value for every key."""
    who = f"{CANARY}-{random.randrange(5)}"
    item = random.choice(["nickname", "turn_ons"])
    made: list[Document] = [
        feeding.referred(who, username=f"{CANARY}_{random.randrange(9)}", sub1=CANARY, user_agent=CANARY),
        feeding.updated(who, mask=CANARY, regular_payer=True, profile={item: CANARY, "age": 40}),
        feeding.event("member.device_seen", who, user_agent=CANARY),
        feeding.privacy(who, profile_visibility="private", profile_item_visibility={item: "private"}),
        feeding.event("member.signal_received", who, signal="gpc"),
        feeding.purchased(f"{CANARY}-{random.randrange(50)}", who),
        feeding.refunded(f"{CANARY}-{random.randrange(50)}", who),
        feeding.spent(who, feature=CANARY),
        feeding.acted("private_chat", who),
        feeding.event("fanclub.joined", who, model="mdl-1"),
        feeding.traffic(),
        feeding.event("model.registered", CANARY, name=CANARY),
    ]
    return random.choice(made)


def _bad_utf8(random: Random, event: Document) -> Spoilt:
    wrong = random.choice([b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82"])
    return Spoilt(_inserted(random, orjson.dumps(event), wrong), frozenset({JSON}))


def _raw_control_character(random: Random, event: Document) -> Spoilt:
    return Spoilt(_inserted(random, orjson.dumps(event), bytes([random.randrange(9)])), frozenset({JSON}))


def _lone_surrogate(random: Random, event: Document) -> Spoilt:
    half = random.choice([b"\\ud800", b"\\udfff", b"\\udc00\\ud800"])
    return Spoilt(orjson.dumps(event).replace(b'"1.0"', b'"' + half + b'"'), frozenset({JSON}))


def _cut_short(random: Random, event: Document) -> Spoilt:
    whole = orjson.dumps(event)
    return Spoilt(whole[: random.randrange(1, len(whole))], frozenset({JSON}))


def _too_long(random: Random, event: Document) -> Spoilt:
    padding = LONGEST_LINE + random.choice([1, 2, 1_000])
    return Spoilt(orjson.dumps(event | {"pad": "x" * padding}), frozenset({EVENT}))


def _as_long_as_may_be(_: Random, event: Document) -> Spoilt:
    room = LONGEST_LINE - len(orjson.dumps(event | {"pad": ""}))
    return Spoilt(orjson.dumps(event | {"pad": "x" * room}))


def _nested(random: Random, event: Document) -> Spoilt:
    deep = random.choice([10, 500, 1_000, 1_023, 1_024, 5_000, 30_000])
    opened, closed = random.choice([(b"[", b"]"), (b'{"a":', b"}")])
    whole = orjson.dumps(event | {"data": {"deep": 0}})
    nested = whole.replace(b'"deep":0', b'"deep":' + opened * deep + b"0" + closed * deep)
    return Spoilt(nested, frozenset({JSON, EVENT, FeedError.UNKNOWN_FIELD}))


def _forbidden(random: Random, event: Document) -> Spoilt:
    """A name for what may never come in, spelt oddly, at some depth; escapes are another spelling of the same."""
    name = "".join(random.choice([str.upper, str.lower])(letter) for letter in random.choice(sorted(FORBIDDEN_NAMES)))
    name = "".join(letter + random.choice(["", "", "_", "-", "__"]) for letter in name.replace("_", ""))
    value: Any = {name: CANARY}
    for _ in range(random.choice([0, 0, 1, 3, 40])):
        value = random.choice([[value], [1, value, 2], {"a": value}, {"a": 1, "b": value}])
    at_fault = random.choice([{}, {"time": "never"}, {"id": 7}, {"type": CANARY}, {"specversion": 2}])
    data = event["data"] | (value if isinstance(value, dict) else {"list": value})
    line = orjson.dumps(event | at_fault | {"data": data})
    if random.random() < 0.5:
        line = line.replace(name.encode(), "".join(f"\\u{ord(letter):04x}" for letter in name).encode())
    return Spoilt(line, frozenset({FeedError.FORBIDDEN_FIELD}))


def _wrong_value(random: Random, event: Document) -> Spoilt:
    """Another value under one of the keys, where the type of the event may give it none of its meaning."""
    key, where = random.choice([(key, event) for key in event] + [(key, event["data"]) for key in event["data"]])
    return Spoilt(orjson.dumps(_with(event, where, key, _odd(random))))


def _odd_number(random: Random, event: Document) -> Spoilt:
    text = random.choice(["1" + "0" * 4_000, "1e999", "-1e-999", "18446744073709551616", "-9223372036854775809", "0.1"])
    key = random.choice([*event["data"], "extension"])
    line = orjson.dumps(_with(event, event["data"], key, CANARY)).replace(b'"' + CANARY.encode() + b'"', text.encode())
    return Spoilt(line)


def _odd_time(random: Random, event: Document) -> Spoilt:
    key, where = random.choice([("time", event), ("registered_at", event["data"]), ("slot", event["data"])])
    return Spoilt(orjson.dumps(_with(event, where, key, random.choice(_TIMES))))


def _said_twice(random: Random, event: Document) -> Spoilt:
    first = orjson.dumps(event)
    again = random.choice([b',"id":"other"}', b',"data":{}}', b',"data":{"model":1,"model":"mdl-1"}}', b',"time":0}'])
    return Spoilt(first[:-1] + again)


def _key_gone(random: Random, event: Document) -> Spoilt:
    where = random.choice([event, event["data"]])
    del where[random.choice(list(where))]
    return Spoilt(orjson.dumps(event))


def _key_too_many(random: Random, event: Document) -> Spoilt:
    event["data"][random.choice([CANARY, "", "Model", "model ", "é" * 300, "\x00"])] = CANARY
    return Spoilt(orjson.dumps(event), frozenset({FeedError.UNKNOWN_FIELD}))


def _no_event(random: Random, event: Document) -> Spoilt:
    document = random.choice([[event], [], CANARY, 1, None, True, {}, {"data": event}, {"data_base64": CANARY}])
    return Spoilt(orjson.dumps(document), frozenset({EVENT}))


def _bit_flipped(random: Random, event: Document) -> Spoilt:
    line = bytearray(orjson.dumps(event))
    line[random.randrange(len(line))] ^= 1 << random.randrange(8)
    return Spoilt(bytes(line).replace(b"\n", b"\r"))


def _noise(random: Random, _: Document) -> Spoilt:
    # No digit or word of JSON's own alone: the first byte can begin no value.
    return Spoilt(b"\x01" + random.randbytes(random.randrange(200)).replace(b"\n", b""), frozenset({JSON}))


def _combining(random: Random, event: Document) -> Spoilt:
    """A name as long as a line may be, of marks that take the longest to be put in order."""
    marks = "a" + "\u0315\u0300" * random.choice([200, 16_000])
    return Spoilt(orjson.dumps(event | {"type": "member.registered", "data": {**_ACCOUNT, "username": marks}}))


def _dressed_up(random: Random, event: Document) -> Spoilt:
    """White space around and within changes nothing; a byte order mark belongs to the beginning of a feed."""
    line = orjson.dumps(event, option=orjson.OPT_INDENT_2).replace(b"\n", random.choice([b" ", b"\t", b"\r", b""]))
    return Spoilt(random.choice([b"  ", b"\xef\xbb\xbf", b"\t"]) + line + random.choice([b"\r", b" ", b""]))


def _inserted(random: Random, line: bytes, more: bytes) -> bytes:
    place = random.randrange(len(line) + 1)
    # A lone continuation byte must not complete what stands before it: events of ours are ASCII.
    return line[:place] + more + line[place:]


def _with(event: Document, where: Document, key: str, value: Any) -> Document:
    return event | {key: value} if where is event else event | {"data": where | {key: value}}


def _odd(random: Random) -> Any:
    long = random.choice(["x", "é", "\U0001f98a", "\u202e", "\uffff", "\ufdfa", "%", "1"]) * random.choice([65, 9_000])
    return random.choice([*_ODD, long, [], {}, [CANARY], {CANARY: CANARY}])


_ODD = (
    *(None, True, -1, 0, 2**63, 1.5, "", " ", "\x00", "\x1f", ".", "..", "/", "'; --", "$1", "%s", "%(id)s", "\\"),
    *("\U0001d51e", CANARY, f"{CANARY}@example.com", "NaN", "1e9", "-0.00", "١٢"),
)
_ACCOUNT = {"username": CANARY, "site": "main", "country": "LU"}
_TIMES = [
    *("0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    *("9999-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-10-01T24:00:00Z"),
    *("2026-10-01T23:59:60Z", "2026-10-01 12:00:00Z", "2026-10-01T12:00:00", "2026-10-01T12:00Z", "20261001T120000Z"),
    *(
        "2026-10-01T12:00:00." + "9" * 5_000 + "Z",
        "2026-10-01T12:00:00+99:99",
        "２０２６-10-01T12:00:00Z",
        "2026-W40-4",
    ),
    *("2026-10-01t12:00:00z", "-2026-10-01T12:00:00Z", "+12026-10-01T12:00:00Z", "now", "infinity", "", 0, 1e18, None),
]
_WAYS: tuple[Callable[[Random, Document], Spoilt], ...] = (
    *(_bad_utf8, _raw_control_character, _lone_surrogate, _cut_short, _too_long, _as_long_as_may_be, _nested),
    *(_forbidden, _forbidden, _wrong_value, _wrong_value, _odd_number, _odd_time, _said_twice, _key_gone),
    *(_key_too_many, _no_event, _bit_flipped, _noise, _combining, _dressed_up),
)
