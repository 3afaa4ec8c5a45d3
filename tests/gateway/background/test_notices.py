"""Recipients are told: those that the log names, no more and no fewer, each once, and with consequences for silence."""

import math
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from gateway.background import notices
from gateway.background.notices import Delivery
from gateway.background.posting import DEADLINE_S
from gateway.settings import Settings
from partners import outbox, webhooks
from partners.feed import batches
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.registry import partners
from partners.tables.access import access_log
from partners.tables.activity import ledger_entry
from partners.tables.member import profile
from partners.tables.outbox import concern, notice, webhook_endpoint
from partners.vocabulary import NoticeOutcome, PartnerKind, Status
from partners.webhooks import Endpoint
from tests.callers import access_token, add_caller, bearer
from tests.conftest import NOW
from tests.factories import dump
from tests.feeding import IPHONE, event, purchased, refunded
from tests.gateway.api.stage import Stage
from tests.gateway.receiver import Receiver, receiving

LATER = NOW + timedelta(minutes=1)
"""Later than what was changed directly."""


class Told:
    """A stage whose webmasters and model center have servers of their own."""

    def __init__(self, stage: Stage, settings: Settings, receivers: dict[str, Receiver]) -> None:
        self.stage, self.receivers = stage, receivers
        self.delivery = Delivery(settings, stage.keyring, stage.db)
        self.writer = bearer(access_token(stage.http, add_caller(stage.db, PartnerKind.PLATFORM, "platform-2")))
        for name, receiver in receivers.items():
            with stage.db.write.begin() as connection:
                receiver.secret = webhooks.add(connection, name, receiver.url, stage.keyring, now=datetime.now(UTC))

    def ask(self, kind: str, *steps: str, member: str = "m1", **more: Any) -> None:
        path = f"/v1/platform/members/{member}/requests"
        made = self.stage.http.post(path, json={"type": kind, "verified": True, **more}, headers=self.writer)
        assert made.status_code == 201, made.get_json()
        for step in steps:
            body = {"action": step, "reason": "because"}
            moved = self.stage.http.post(f"{path}/{made.get_json()['id']}", json=body, headers=self.writer)
            assert moved.status_code == 200, moved.get_json()

    def patch(self, **settings: Any) -> None:
        answer = self.stage.http.patch("/v1/platform/members/m1/privacy", json=settings, headers=self.writer)
        assert answer.status_code == 200

    def feed(self, *events: dict[str, Any]) -> None:
        answer = self.stage.http.post(
            "/v1/platform/events", json=list(events), headers=self.writer,
            content_type="application/cloudevents-batch+json",
        )  # fmt: skip
        assert answer.get_json()["accepted"] == len(events), answer.get_json()

    def deliver(self) -> dict[str, list[Any]]:
        """Who was told what since the last time."""
        for receiver in self.receivers.values():
            receiver.told.clear()
        self.delivery.once()
        return {name: [short(each) for each in receiver.told] for name, receiver in self.receivers.items()}

    def forget_limits(self) -> None:
        """As a worker does every few seconds."""
        runtime = self.stage.http.application.extensions["runtime"]
        runtime.own_limits._read_at = -math.inf  # noqa: SLF001

    def ref(self, member: str = "m1", webmaster: str = "w1") -> str:
        rows = self.stage.webmasters[webmaster].rows()
        return next(str(row["ref"]) for row in rows if row["username"] == f"user_{member}")


def short(told: dict[str, Any]) -> tuple[Any, ...]:
    data = told["data"]
    subject = data.get("ref") or data["username"]
    return (told["type"].removeprefix("member."), subject, *data.get("fields", []))


@pytest.fixture
def told(http: FlaskClient, db: Database, keyring: Keyring, settings: Settings) -> Iterator[Told]:
    stage = Stage(http, db, keyring)
    with receiving() as w1, receiving() as w2, receiving() as center:
        yield Told(stage, settings, {"w1": w1, "w2": w2, "model_center": center})


def test_an_erasure_is_told_to_those_who_received_something_and_leaves_no_link(told: Told, db: Database) -> None:
    """R50, R65."""
    told.stage.member("m1")
    told.stage.member("m2", "w2")
    told.stage.center.get("/members/user_m1", of="mdl-1")
    told.stage.center.get("/members/user_m2", of="mdl-1", scope="cards:read")
    ref = told.ref()
    told.ask("erasure", "settle")
    with db.write.connect() as connection:
        waiting = dump(connection)

    assert told.deliver() == {"w1": [("erased", ref)], "w2": [], "model_center": [("erased", "user_m1")]}
    assert "user_m1" not in waiting
    with db.write.begin() as connection:
        connection.execute(update(concern).values(created_at=datetime.now(UTC) - outbox.LOG_SETTLES * 2))
    assert told.deliver() == {"w1": [], "w2": [], "model_center": []}
    with db.write.connect() as connection:
        assert connection.execute(select(concern)).all() == []
        assert {row.sealed_subject for row in connection.execute(select(notice))} == {None}
        recorded = select(access_log.c["partner", "audience", "outcome", "member_count"])
        records = connection.execute(recorded.where(access_log.c.operation == "webhooks.deliver")).all()
    assert sorted(records) == [("model_center", "model_center", "empty", 0), ("w1", "webmaster", "empty", 0)]


def test_each_right_is_told_to_whom_it_concerns_and_never_says_why(told: Told) -> None:
    """R49, R52, R54, R55, R61, R63."""
    told.stage.member("m1")
    told.stage.center.get("/members/user_m1", of="mdl-1")
    ref = told.ref()
    both = ["w1", "model_center"]
    for act, topic, recipients in [
        (lambda: told.ask("objection"), "withdrawn", ["w1"]),
        (lambda: told.ask("withdraw_objection"), "restored", ["w1"]),
        (lambda: told.patch(affiliate_sharing=False), "withdrawn", ["w1"]),
        (lambda: told.patch(affiliate_sharing=False, mask_visibility="private"), None, []),
        (lambda: told.feed(event("member.privacy_changed", "m1", LATER, affiliate_sharing=True)), "restored", ["w1"]),
        (lambda: told.patch(service_consent=False), "withdrawn", both),
        (lambda: told.patch(service_consent=True), "restored", both),
        (lambda: told.ask("restriction", "notify"), "restricted", both),
        (lambda: told.patch(affiliate_sharing=False), None, []),
        (lambda: told.patch(service_consent=False), None, []),
        (lambda: told.ask("objection"), None, []),
        (lambda: told.patch(affiliate_sharing=True, service_consent=True), None, []),
        (lambda: told.ask("lift_restriction"), {"w1": "withdrawn", "model_center": "restored"}, both),
        (lambda: told.ask("withdraw_objection"), "restored", ["w1"]),
        (lambda: told.patch(affiliate_sharing=False), "withdrawn", ["w1"]),
        (lambda: told.ask("restriction", "notify"), "restricted", both),
        (lambda: told.patch(affiliate_sharing=True), None, []),
        (lambda: told.ask("lift_restriction"), "restored", both),
        (lambda: told.ask("rectification", "settle"), "rectified", both),
        (lambda: told.ask("erasure", "refuse"), "restored", both),
    ]:
        act()
        names = {"w1": ref, "model_center": "user_m1"}
        topics = topic if isinstance(topic, dict) else dict.fromkeys(recipients, topic)
        expected: dict[str, list[Any]] = {name: [(topics[name], names[name])] for name in recipients}
        found = {name: each[-1:] for name, each in told.deliver().items() if each}
        assert found == expected, topic


def test_what_binds_already_is_not_told_again_when_it_is_settled(told: Told) -> None:
    """R65: neither of a second request for the same."""
    told.stage.member("m1")
    told.stage.center.get("/members/user_m1", of="mdl-1")
    ref = told.ref()
    told.ask("objection", "settle")
    told.ask("objection", "settle")
    assert told.deliver() == {"w1": [("withdrawn", ref)], "w2": [], "model_center": []}

    told.ask("restriction", "settle")
    told.ask("restriction", "settle")
    assert told.deliver() == {"w1": [("restricted", ref)], "w2": [], "model_center": [("restricted", "user_m1")]}


def test_a_removed_item_is_told_to_whoever_received_it_and_a_new_name_by_the_old(told: Told) -> None:
    """R22, R49, R65: nobody hears of a field, or of a name, that it was not given."""
    told.stage.member("m1")
    told.stage.center.get("/members/user_m1", of="mdl-1", scope="cards:read")
    told.ref()
    gone = {"nickname": None, "turn_ons": None}
    told.feed(event("member.updated", "m1", profile=gone), event("member.updated", "m1", id="again", profile=gone))
    told.stage.center.get("/members/user_m1", of="mdl-1", scope="cards:read cards.sensitive:read")
    told.feed(event("member.updated", "m1", profile={"dislikes": None}))

    assert told.deliver()["model_center"] == [
        ("items_removed", "user_m1", "profile.nickname"),
        ("items_removed", "user_m1", "profile.dislikes"),
    ]
    told.feed(event("member.updated", "m1", username="new_name"))
    assert told.deliver() == {"w1": [], "w2": [], "model_center": [("renamed", "user_m1")]}
    told.ask("restriction")
    assert told.deliver()["model_center"] == []
    told.ask("restriction", "notify")
    told.ask("lift_restriction")
    told.stage.center.get("/members/new_name", of="mdl-1")
    told.ask("restriction")
    assert ("restricted", "new_name") in told.deliver()["model_center"]


def test_who_received_something_only_afterwards_is_not_told(told: Told) -> None:
    """R61, R65: nobody learns what had happened before it received anything."""
    told.stage.member("m1")
    told.ask("restriction", "notify")
    told.ask("lift_restriction")
    told.ask("objection")
    told.ask("withdraw_objection")
    told.ask("erasure", "refuse")
    told.ask("rectification", "settle")
    ref = told.ref()
    told.stage.center.get("/members/user_m1", of="mdl-1")

    assert told.deliver() == {"w1": [], "w2": [], "model_center": []}
    told.ask("objection")
    assert told.deliver() == {"w1": [("withdrawn", ref)], "w2": [], "model_center": []}


def test_what_was_given_while_a_member_was_being_closed_is_told_of(told: Told, db: Database) -> None:
    """R65: a release that was under way may be in the log with a later instant than the change."""
    told.stage.member("m1")
    before = datetime.now(UTC)
    ref = told.ref()
    told.ask("restriction")
    with db.write.begin() as connection:
        connection.execute(update(concern).values(created_at=before))

    assert told.deliver()["w1"] == [("restricted", ref)]


def test_only_what_opens_a_member_again_ends_the_time_in_which_releases_were_under_way(
    told: Told, db: Database
) -> None:
    """R65."""
    told.stage.member("m1")
    before = datetime.now(UTC)
    ref = told.ref()
    told.ask("restriction")
    told.ask("rectification", "settle")
    with db.write.begin() as connection:
        connection.execute(update(concern).values(created_at=before))

    assert told.deliver()["w1"] == [("restricted", ref)]


def test_what_opens_another_member_ends_no_time_in_which_releases_were_under_way(told: Told, db: Database) -> None:
    """R65."""
    for name in ("m1", "m2"):
        told.stage.member(name)
    before = datetime.now(UTC)
    ref = told.ref()
    told.ask("objection", member="m2")
    told.ask("restriction")
    told.ask("withdraw_objection", member="m2")
    with db.write.begin() as connection:
        connection.execute(update(concern).values(created_at=before))

    assert ("restricted", ref) in told.deliver()["w1"]


def test_a_studio_is_told_by_no_name_that_it_was_not_given(told: Told) -> None:
    """R65: neither by one between two that it was given."""
    told.stage.member("m1")
    told.stage.center.get("/members/user_m1", of="mdl-1")
    told.feed(event("member.updated", "m1", LATER, username="between"))
    told.feed(event("member.updated", "m1", profile={"age": None}))
    told.feed(event("member.updated", "m1", LATER + timedelta(minutes=1), username="at_last"))
    told.stage.center.get("/members/at_last", of="mdl-1")

    assert told.deliver()["model_center"] == [("renamed", "user_m1")]
    told.ask("restriction")
    assert told.deliver()["model_center"] == [("restricted", "at_last")]


def test_a_studio_that_was_given_an_earlier_name_alone_is_told_by_it_and_by_no_later_one(told: Told) -> None:
    """R65."""
    told.stage.member("m1")
    told.feed(event("member.updated", "m1", LATER, username="between"))
    told.stage.center.get("/members/between", of="mdl-1")
    told.feed(event("member.updated", "m1", LATER + timedelta(minutes=1), username="at_last"))
    told.ask("restriction")

    assert told.deliver()["model_center"] == [("renamed", "between")]


def test_what_another_member_is_called_now_changes_nothing_for_this_one(told: Told) -> None:
    """R65."""
    for name in ("m1", "m2"):
        told.stage.member(name)
    told.stage.center.get("/members/user_m1", of="mdl-1")
    told.feed(event("member.updated", "m2", LATER, username="new_name"))
    told.ask("restriction")

    assert told.deliver()["model_center"] == [("restricted", "user_m1")]


def test_who_read_only_what_a_member_spent_holds_it_under_the_name_too(told: Told) -> None:
    """R20, R65."""
    told.stage.member("m1")
    read = told.stage.center.get("/members/user_m1/spending", of="mdl-1")
    told.feed(event("member.updated", "m1", LATER, username="new_name"))

    assert read.status_code == 200
    assert told.deliver()["model_center"] == [("renamed", "user_m1")]
    told.stage.center.get("/members/new_name/spending", of="mdl-1")
    told.ask("erasure")
    assert told.deliver()["model_center"] == [("erased", "new_name")]


def test_what_a_batch_takes_back_is_told_as_if_each_event_were_a_batch(told: Told) -> None:
    """R22, R62, R65, contract §9."""
    told.stage.member("m1")
    ref = told.ref()
    told.stage.center.get("/members/user_m1", of="mdl-1")
    after = [LATER + timedelta(seconds=second) for second in range(5)]
    told.feed(
        event("member.signal_received", "m1", after[0], signal="gpc"),
        event("member.updated", "m1", after[0], username="first", profile={"nickname": None}),
        event("member.updated", "m1", after[1], username="second", profile={"nickname": "new", "gender": None}),
        event("member.privacy_changed", "m1", after[2], affiliate_sharing=True),
    )

    assert told.deliver() == {
        "w1": [("withdrawn", ref), ("restored", ref)],
        "w2": [],
        "model_center": [("items_removed", "user_m1", "profile.nickname"), ("renamed", "user_m1")],
    }


def test_what_is_given_while_a_batch_is_being_written_is_told_of(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """R22, R65: until the commit a studio is given the old name and the item, and hears of no other name."""
    for name in ("m1", "m2"):
        told.stage.member(name)
    count = batches.count

    def read_meanwhile(*args: Any, **more: Any) -> None:
        for name in ("m1", "m2"):
            assert told.stage.center.get(f"/members/user_{name}", of="mdl-1").status_code == 200
        count(*args, **more)

    monkeypatch.setattr(batches, "count", read_meanwhile)
    told.feed(
        event("member.updated", "m1", LATER, profile={"age": None}),
        event("member.updated", "m2", LATER, username="new_name"),
    )
    monkeypatch.undo()

    assert told.deliver()["model_center"] == [("items_removed", "user_m1", "profile.age"), ("renamed", "user_m2")]
    told.ask("erasure", member="m2")
    assert told.deliver()["model_center"] == []


def test_a_rectification_names_what_was_rectified(told: Told) -> None:
    """R49: also what was corrected shortly before the request, and no device that was seen meanwhile."""
    told.stage.member("m1")
    ref = told.ref()
    told.stage.center.get("/members/user_m1", of="mdl-1")
    path = "/v1/platform/members/m1/requests"
    made = told.stage.http.post(path, json={"type": "rectification", "verified": True}, headers=told.writer)
    told.feed(
        event("member.updated", "m1", LATER, country="FR"),
        event("member.updated", "m1", NOW - timedelta(minutes=2), profile={"age": 40}),
        event("member.device_seen", "m1", LATER, user_agent=IPHONE),
    )
    told.stage.http.post(f"{path}/{made.get_json()['id']}", json={"action": "settle"}, headers=told.writer)

    assert told.deliver() == {
        "w1": [("rectified", ref, "country")],
        "w2": [],
        "model_center": [("rectified", "user_m1", "profile.age")],
    }


def test_a_corrected_purchase_is_told_to_who_read_it_and_no_site_that_was_seen(told: Told) -> None:
    """R13, R49, R65."""
    told.stage.member("m1", "w1")
    told.stage.member("m2", "w2")
    told.stage.center.get("/members/user_m1", of="mdl-1")
    for member, webmaster in (("m1", "w1"), ("m2", "w2")):
        told.feed(purchased(f"old-{member}", member, NOW - timedelta(days=30)))
        told.feed(refunded(f"old-{member}", member, NOW - timedelta(days=20)))
        told.ref(member, webmaster)
        told.feed(event("member.updated", member, LATER, site="night"))
    ref = told.ref()
    told.feed(purchased("wrong", "m1", NOW - timedelta(days=9)))
    told.ref()
    told.feed(refunded("wrong", "m1", LATER), purchased("right", "m1", LATER, amount="9.40"))
    told.ask("rectification", "settle")

    assert told.deliver() == {"w1": [("rectified", ref, "credit_purchases")], "w2": [], "model_center": []}
    everything = told.ref("m2", "w2")
    told.ask("rectification", "settle", member="m2")
    assert told.deliver()["w2"] == [("rectified", everything)]


def test_nobody_hears_of_a_purchase_that_it_was_not_told_of_before_it_was_corrected(told: Told, db: Database) -> None:
    """R49, R65: what was there when it read was right."""
    told.stage.member("m1")
    told.ref()
    told.feed(purchased("wrong", "m1", NOW - timedelta(days=9)))
    with db.write.begin() as connection:
        later = ledger_entry.c.recorded_at + 2 * outbox.LOG_SETTLES
        connection.execute(update(ledger_entry).values(recorded_at=later))
    told.feed(refunded("wrong", "m1", LATER))
    told.ask("rectification", "settle")

    assert told.deliver()["w1"] == []


def test_nobody_hears_of_what_was_there_only_while_it_was_hidden(told: Told, db: Database) -> None:
    """R15, R16, R22, R61: a card that said nothing of it gave nothing, whatever the log calls released."""
    told.stage.member("m1")
    told.stage.member("m2")
    after = [LATER + timedelta(seconds=second) for second in range(3)]
    for name in ("m1", "m2"):
        told.feed(event("member.updated", name, after[0], id=f"empty-{name}", profile={"age": None, "nickname": None}))
        told.stage.center.get(f"/members/user_{name}", of="mdl-1")
        told.ref(name)
    told.patch(profile_visibility="private", mask_visibility="private", share_regular_payer=False)
    told.feed(event("member.updated", "m1", after[1], profile={"age": 34}, mask="owl", regular_payer=True))
    told.feed(event("member.updated", "m1", after[1], id="changed", profile={"nickname": "Owl"}))
    with db.write.begin() as connection:
        begun = func.to_jsonb(func.now() + 2 * outbox.LOG_SETTLES)
        since = func.jsonb_build_object("age", begun, "nickname", begun)
        connection.execute(update(profile).where(profile.c.present_since != {}).values(present_since=since))
    told.feed(event("member.updated", "m1", after[2], id="gone", profile={"age": None}))
    for name in ("m1", "m2"):
        told.ask("rectification", "settle", member=name)

    assert told.deliver() == {"w1": [], "w2": [], "model_center": []}


def test_a_rectification_is_told_once_whatever_the_member_hears_of_it(told: Told) -> None:
    """R49, R65."""
    told.stage.member("m1")
    ref = told.ref()
    told.ask("rectification", "notify", "settle", "notify")

    assert told.deliver() == {"w1": [("rectified", ref)], "w2": [], "model_center": []}


def test_a_rectification_settled_late_names_what_was_corrected_since_it_was_asked_for(told: Told) -> None:
    """R49: and nothing from before."""
    told.stage.member("m1")
    ref = told.ref()
    asked = NOW - timedelta(days=20)
    told.feed(
        event("member.updated", "m1", asked - timedelta(days=2), site="other"),
        event("member.updated", "m1", asked + timedelta(days=5), country="FR"),
    )
    told.ask("rectification", "settle", received_at=asked.isoformat())

    assert told.deliver() == {"w1": [("rectified", ref, "country")], "w2": [], "model_center": []}


def test_a_removal_that_corrects_is_told_once(told: Told) -> None:
    """R22, R49, R65: to whoever had the item, and to nobody else."""
    told.stage.member("m1")
    told.ref()
    told.stage.center.get("/members/user_m1", of="mdl-1")
    told.feed(event("member.updated", "m1", LATER, profile={"age": None}))
    told.ask("rectification", "settle")

    assert told.deliver() == {"w1": [], "w2": [], "model_center": [("items_removed", "user_m1", "profile.age")]}


def test_an_item_that_one_batch_removes_and_sets_again_was_not_there_before(told: Told, db: Database) -> None:
    """R61, contract §9: as if each event were a batch."""
    told.stage.member("m1")
    told.stage.center.get("/members/user_m1", of="mdl-1")
    after = [LATER + timedelta(seconds=second) for second in range(2)]
    told.feed(
        event("member.updated", "m1", after[0], profile={"age": None}),
        event("member.updated", "m1", after[1], profile={"age": 50}),
    )

    with db.write.connect() as connection:
        since = connection.execute(select(profile.c.present_since)).scalar_one()
    assert since.keys() == {"age"}


def test_two_workers_tell_each_notice_once_and_a_killed_one_loses_nothing(told: Told, db: Database) -> None:
    for place in range(6):
        told.stage.member(f"m{place}", ("w1", "w2")[place % 2])
    told.ref("m0"), told.ref("m1", "w2")
    for place in range(6):
        told.ask("restriction", member=f"m{place}")
    told.delivery.address()
    with db.write.begin() as connection:
        # Somebody took the first endpoint, and was killed.
        taken = webhooks.lease(connection, now=datetime.now(UTC))
    assert taken is not None

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: told.delivery.once(), range(2)))
    others = {"w1": "w2", "w2": "w1"}[taken.id]
    first = {name: len(receiver.ids) for name, receiver in told.receivers.items()}
    with db.write.begin() as connection:
        connection.execute(update(webhook_endpoint).values(leased_until=datetime.now(UTC) - timedelta(seconds=1)))
    told.delivery.once()

    assert (first[others], first[taken.id]) == (3, 0)
    assert [len(told.receivers[name].ids) for name in ("w1", "w2")] == [3, 3]
    assert all(len(set(receiver.ids)) == len(receiver.ids) for receiver in told.receivers.values())


def test_a_secret_that_cannot_be_read_is_silence_and_holds_up_nobody_else(told: Told, db: Database) -> None:
    """As after a loss of the key it was sealed with."""
    told.stage.member("m1")
    told.stage.member("m2", "w2")
    told.ref("m1"), told.ref("m2", "w2")
    with db.write.begin() as connection:
        foreign = Keyring("the key of another gateway, or of yesterday").seal(b"secret")
        of_w1 = webhook_endpoint.c.url == told.receivers["w1"].url
        connection.execute(update(webhook_endpoint).where(of_w1).values(sealed_secret=foreign))
    for name in ("m1", "m2"):
        told.ask("restriction", member=name)

    delivered = told.deliver()

    assert (len(delivered["w1"]), len(delivered["w2"])) == (0, 1)
    with db.write.begin() as connection:
        waiting = connection.execute(select(webhook_endpoint).where(of_w1)).one()
        assert (waiting.failures, waiting.silent_since is not None) == (1, True)
        connection.execute(
            update(webhook_endpoint).where(of_w1).values(silent_since=datetime.now(UTC) - timedelta(days=8))
        )
    told.deliver()
    with db.write.connect() as connection:
        assert partners.get(connection, "w1").status is Status.SUSPENDED


def test_silence_is_met_with_patience_then_a_tenth_of_the_limits_then_suspension(told: Told, db: Database) -> None:
    """R65; an acknowledgement ends the throttling at once."""
    told.stage.member("m1")
    told.ref()
    told.receivers["w1"].status = 500
    told.ask("restriction", "notify")
    told.deliver()
    first = told.receivers["w1"].ids[:]
    assert told.deliver()["w1"] == []  # Not yet again.
    with db.write.begin() as connection:
        waited = connection.execute(select(webhook_endpoint).where(webhook_endpoint.c.failures == 1)).one()
        assert timedelta(0) < waited.next_attempt_at - waited.silent_since < timedelta(seconds=12)
        silent = {"silent_since": datetime.now(UTC) - timedelta(hours=25), "next_attempt_at": datetime.now(UTC)}
        connection.execute(update(webhook_endpoint).where(webhook_endpoint.c.failures == 1).values(**silent))
    told.deliver()
    told.forget_limits()

    w1 = told.stage.webmasters["w1"]
    assert "q=100000;" in w1.get("/members").headers["RateLimit-Policy"]
    assert told.receivers["w1"].ids == first * 2
    told.receivers["w1"].status = 200
    with db.write.begin() as connection:
        connection.execute(update(webhook_endpoint).values(next_attempt_at=datetime.now(UTC)))
    told.deliver()
    told.forget_limits()
    assert "q=1000000;" in w1.get("/members").headers["RateLimit-Policy"]

    told.receivers["w1"].status = 302
    told.receivers["w1"].headers = {"Location": told.receivers["w2"].url}
    told.ask("lift_restriction")
    told.deliver()
    assert told.receivers["w2"].ids == []
    with db.write.begin() as connection:
        silent_since = datetime.now(UTC) - timedelta(days=8)
        connection.execute(
            update(webhook_endpoint).where(webhook_endpoint.c.failures > 0).values(silent_since=silent_since)
        )
    told.deliver()
    assert w1.get("/members").status_code == 401
    with db.write.connect() as connection:
        judged = select(access_log.c.operation, access_log.c.partner).where(access_log.c.outcome == "limited")
        assert connection.execute(judged.order_by(access_log.c.at)).all() == [
            ("webhooks.throttle", "w1"),
            ("webhooks.throttle", "w1"),
            ("webhooks.suspend", "w1"),
        ]

    with db.write.begin() as connection:
        partners.resume(connection, "w1")
        connection.execute(update(webhook_endpoint).values(next_attempt_at=datetime.now(UTC)))
    told.deliver()
    with db.write.connect() as connection:
        assert partners.get(connection, "w1").status is Status.ACTIVE


def test_silence_that_goes_on_is_on_record_once_and_who_is_suspended_for_it_goes_on_being_told(
    told: Told, db: Database
) -> None:
    """R65: each of its consequences once, however often it is looked at."""
    told.stage.member("m1")
    ref = told.ref()
    told.receivers["w1"].status = 500
    told.ask("restriction", "notify")
    told.deliver()
    with db.write.begin() as connection:
        mine = webhook_endpoint.c.url == told.receivers["w1"].url
        silent_since = datetime.now(UTC) - timedelta(days=8)
        connection.execute(update(webhook_endpoint).where(mine).values(silent_since=silent_since))
    for _ in range(3):
        told.deliver()

    with db.write.begin() as connection:
        judged = select(access_log.c.operation, access_log.c.reason).where(access_log.c.outcome == "limited")
        assert connection.execute(judged.order_by(access_log.c.at)).all() == [
            ("webhooks.throttle", None),
            ("webhooks.suspend", "suspended"),
        ]
        connection.execute(update(webhook_endpoint).values(next_attempt_at=datetime.now(UTC)))
    told.receivers["w1"].status = 204
    assert told.deliver()["w1"] == [("restricted", ref)]
    with db.write.connect() as connection:
        assert partners.get(connection, "w1").status is Status.SUSPENDED


def test_each_attempt_waits_twice_as_long_as_the_last_up_to_an_hour_until_all_is_acknowledged(
    told: Told, db: Database
) -> None:
    now, waits = datetime.now(UTC), []
    with db.write.begin() as connection:
        taken = select(webhook_endpoint).where(webhook_endpoint.c.url == told.receivers["w1"].url)
        number = connection.execute(taken).one().partner
        for failures in (0, 1, 2, 9, 1_000):
            endpoint = Endpoint(number, "w1", PartnerKind.WEBMASTER, "", (), failures)
            webhooks.postpone(connection, endpoint, has_acknowledged=False, now=now)
            row = connection.execute(taken).one()
            waits.append((row.next_attempt_at - now).total_seconds())
            assert row.failures == failures + 1
        webhooks.release(connection, number, now=now)
        row = connection.execute(taken).one()

    for wait, least in zip(waits, (10, 20, 40, 3_600, 3_600), strict=True):
        assert least <= wait <= least * 1.1
    assert (row.failures, row.silent_since, row.next_attempt_at) == (0, None, now)


def test_who_acknowledges_now_and_then_is_not_silent(told: Told, db: Database) -> None:
    for member in ("m1", "m2"):
        told.stage.member(member)
    told.ref()
    told.ask("restriction")
    told.ask("restriction", member="m2")
    w1, now = told.receivers["w1"], datetime.now(UTC)
    take = w1.take

    def take_and_fail_then(*request: Any) -> None:
        take(*request)
        w1.status = 204 if len(w1.told) == 1 else 500

    w1.take = take_and_fail_then  # type: ignore[method-assign]
    with db.write.begin() as connection:
        tired = {"failures": 5, "silent_since": now - timedelta(days=8)}
        mine = webhook_endpoint.c.url == w1.url
        connection.execute(update(webhook_endpoint).where(mine).values(**tired))
    told.deliver()

    with db.write.connect() as connection:
        endpoint = connection.execute(select(webhook_endpoint).where(mine)).one()
        assert partners.get(connection, "w1").status is Status.ACTIVE
    assert endpoint.failures == 1
    assert endpoint.silent_since >= now


@pytest.mark.parametrize("days_silent", [8, None])
def test_whoever_was_told_by_hand_is_silent_no_longer(told: Told, db: Database, days_silent: int | None) -> None:
    """R65: however long ago it last failed, and whatever that led to."""
    told.stage.member("m1")
    told.ref()
    told.ask("restriction")
    told.receivers["w1"].status = 503
    told.deliver()
    mine, now = webhook_endpoint.c.url == told.receivers["w1"].url, datetime.now(UTC)
    with db.write.begin() as connection:
        silent_since = now - timedelta(days=days_silent) if days_silent else None
        late = {"silent_since": silent_since, "throttled_at": now}
        connection.execute(update(webhook_endpoint).where(mine).values(**late))
        for identifier in connection.execute(select(notice.c.id).where(notice.c.closed_at.is_(None))).scalars():
            outbox.close(connection, identifier, NoticeOutcome.TOLD_BY_HAND, now=now)
    told.deliver()

    with db.write.connect() as connection:
        endpoint = connection.execute(select(webhook_endpoint).where(mine)).one()
        assert partners.get(connection, "w1").status is Status.ACTIVE
    assert (endpoint.failures, endpoint.silent_since, endpoint.throttled_at) == (0, None, None)


def test_what_a_partner_does_not_acknowledge_is_given_up_in_time(told: Told, db: Database) -> None:
    told.stage.member("m1")
    told.ref()
    told.ask("restriction")
    told.receivers["w1"].status = 503
    told.deliver()
    assert b"gateway_notices_waiting 2" in told.stage.http.get("/metrics").data
    with db.write.begin() as connection:
        connection.execute(update(notice).values(created_at=datetime.now(UTC) - outbox.KEPT - timedelta(days=1)))
    told.deliver()

    with db.write.connect() as connection:
        (row,) = connection.execute(select(notice)).all()
    assert (row.outcome, row.sealed_subject) == ("given_up", None)


def test_whom_a_worker_goes_on_telling_no_other_worker_takes(told: Told, db: Database) -> None:
    """However long it takes to tell it everything."""
    for name in ("m1", "m2"):
        told.stage.member(name)
        told.ref(name)
    for name in ("m1", "m2"):
        told.ask("restriction", member=name)
    taken: list[Any] = []
    w1 = told.receivers["w1"]
    take = w1.take

    def take_long(*request: Any) -> None:
        take(*request)
        with db.write.begin() as connection:
            begun = datetime.now(UTC)
            taken.append(webhooks.lease(connection, now=begun + webhooks.LEASE / 2))
            # What a first attempt that took half the time would have left.
            shorter = webhook_endpoint.c.leased_until - webhooks.LEASE * 2 / 3
            connection.execute(update(webhook_endpoint).values(leased_until=shorter))

    w1.take = take_long  # type: ignore[method-assign]

    assert len(told.deliver()["w1"]) == 2
    assert taken == [None, None]


def test_a_slow_partner_keeps_nobody_else_waiting_and_no_worker_from_ending(told: Told) -> None:
    """R50, R65: neither one with much that waits for it."""
    for name, webmaster in (("m1", "w1"), ("m2", "w1"), ("m3", "w2")):
        told.stage.member(name, webmaster)
        told.ref(name, webmaster)
    for name in ("m1", "m2"):
        told.ask("restriction", member=name)
    w1, w2 = told.receivers["w1"], told.receivers["w2"]
    take, has_begun, may_end, stop = w1.take, Event(), Event(), Event()

    def take_long(*request: Any) -> None:
        has_begun.set()
        may_end.wait(DEADLINE_S)
        take(*request)

    w1.take = take_long  # type: ignore[method-assign]
    work = Thread(target=told.delivery.run, args=[stop])
    work.start()
    try:
        assert has_begun.wait(DEADLINE_S)
        told.ask("restriction", member="m3")
        until = time.monotonic() + DEADLINE_S / 2
        while not w2.told and time.monotonic() < until:
            time.sleep(0.05)
        told_meanwhile = len(w2.told)
    finally:
        stop.set()
        may_end.set()
        work.join()

    assert (told_meanwhile, len(w1.told)) == (1, 1)


def test_partners_take_turns_and_are_throttled_until_nothing_waits_any_more(
    told: Told, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R65: nobody for whom much waits holds a place for ever."""
    monkeypatch.setattr(notices, "AT_ONCE", 1)
    monkeypatch.setattr(notices, "TURN_S", 0)
    for name, webmaster in (("m1", "w1"), ("m2", "w1"), ("m3", "w2")):
        told.stage.member(name, webmaster)
        told.ref(name, webmaster)
        told.ask("restriction", member=name)
    turns: list[tuple[str, bool]] = []

    def noting(name: str, receiver: Receiver) -> Callable[..., None]:
        mine, take = webhook_endpoint.c.url == receiver.url, receiver.take

        def take_and_note(*request: Any) -> None:
            take(*request)
            with db.write.connect() as connection:
                turns.append(
                    (name, connection.execute(select(webhook_endpoint).where(mine)).one().throttled_at is None)
                )

        return take_and_note

    for name in ("w1", "w2"):
        receiver = told.receivers[name]
        receiver.take = noting(name, receiver)  # type: ignore[method-assign]
    with db.write.begin() as connection:
        connection.execute(update(webhook_endpoint).values(throttled_at=datetime.now(UTC)))
    told.deliver()

    assert turns == [("w1", False), ("w2", False), ("w1", False)]
    with db.write.connect() as connection:
        throttled = select(func.count()).where(webhook_endpoint.c.throttled_at.is_not(None))
        assert connection.scalar(throttled.where(webhook_endpoint.c.url != told.receivers["model_center"].url)) == 0


def test_who_is_due_is_told_before_its_silence_is_judged(told: Told, db: Database) -> None:
    """R65: a worker that was down punishes nobody."""
    now = datetime.now(UTC)
    with db.write.begin() as connection:
        connection.execute(update(webhook_endpoint).values(silent_since=now - timedelta(days=8), next_attempt_at=now))
        assert webhooks.throttle(connection, silent_since=now, now=now) == []
        assert webhooks.suspend(connection, silent_since=now, now=now) == []
        before = now - timedelta(microseconds=1)
        assert sorted(webhooks.suspend(connection, silent_since=now, now=before)) == sorted(told.receivers)


def test_that_somebody_is_told_is_on_record_before_it_is_and_whatever_is_answered(told: Told, db: Database) -> None:
    told.stage.member("m1")
    told.ref()
    told.ask("restriction")
    on_record: list[int | None] = []
    w1 = told.receivers["w1"]
    take = w1.take

    def take_after(*request: Any) -> None:
        take(*request)
        with db.write.connect() as connection:
            attempts = select(func.count()).where(access_log.c.operation == "webhooks.deliver")
            on_record.append(connection.scalar(attempts.where(access_log.c.partner == "w1")))

    w1.take, w1.status = take_after, 500  # type: ignore[method-assign]
    for _ in range(2):
        told.deliver()
        with db.write.begin() as connection:
            connection.execute(update(webhook_endpoint).values(next_attempt_at=datetime.now(UTC)))

    assert on_record == [1, 2]


def test_nobody_is_told_at_a_private_address_unless_that_is_allowed(
    told: Told, settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.stage.member("m1")
    told.ref()
    told.ask("restriction")
    with db.write.begin() as connection:
        mine = webhook_endpoint.c.url == told.receivers["w1"].url
        elsewhere = told.receivers["w1"].url.replace("http://127.0.0.1", "https://hooks.example")
        connection.execute(update(webhook_endpoint).where(mine).values(url=elsewhere))
    here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [here])

    def why_not(delivery: Delivery) -> list[str]:
        with db.write.begin() as connection:
            connection.execute(update(webhook_endpoint).values(next_attempt_at=datetime.now(UTC)))
        with capture_logs() as lines:
            delivery.once()
        return [line["error"] for line in lines if line["event"] == "notice_not_delivered"]

    assert why_not(told.delivery) == ["UnsafeAddressError"]
    # Allowed, it gets as far as the receiver, which does not speak TLS.
    assert why_not(replace(told.delivery, settings=replace(settings, webhooks_private=True))) == ["ConnectError"]


def test_a_former_secret_signs_as_long_as_was_said_and_no_longer(told: Told, db: Database) -> None:
    told.stage.member("m1")
    told.ref()
    told.ask("restriction")
    told.delivery.address()
    rotated = datetime.now(UTC)
    with db.write.begin() as connection:
        webhooks.rotate(connection, "w1", told.stage.keyring, now=rotated)
        last = webhooks.lease(connection, now=rotated + timedelta(days=14) - webhooks.LEASE)
        after = webhooks.lease(connection, now=rotated + timedelta(days=14))

    assert [len(each.sealed_secrets) for each in (last, after) if each is not None] == [2, 1]


def test_while_a_secret_is_rotated_both_sign(told: Told, db: Database) -> None:
    told.stage.member("m1")
    told.ref()
    with db.write.begin() as connection:
        webhooks.rotate(connection, "w1", told.stage.keyring, now=datetime.now(UTC))
    told.ask("restriction", "notify")

    assert len(told.deliver()["w1"]) == 1  # The receiver knows the former secret only.
    with db.write.begin() as connection:
        at_once = {"now": datetime.now(UTC), "overlap": timedelta(0)}
        told.receivers["w1"].secret = webhooks.rotate(connection, "w1", told.stage.keyring, **at_once)
    told.ask("lift_restriction")
    assert len(told.deliver()["w1"]) == 1
