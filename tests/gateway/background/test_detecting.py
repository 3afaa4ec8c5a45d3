"""Detections go on after whatever goes wrong with them, and quote nothing of what it says."""

from threading import Event, Thread
from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs

from gateway.background import detecting
from gateway.background.detecting import Detecting
from partners.postgres.database import Database


def test_a_run_that_failed_is_counted_and_followed_by_others(
    app: Flask, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, runs = Event(), list[Any]()
    metrics = app.extensions["metrics"]

    def detect(*_: Any, **asked: Any) -> None:
        runs.append(asked["every"])
        if len(runs) < 3:
            raise ValueError("night_owl")
        stop.set()

    monkeypatch.setattr(detecting, "LOOK_S", 0.01)
    monkeypatch.setattr(detecting, "detect", detect)
    with capture_logs() as lines:
        thread = Thread(target=Detecting(db.write, metrics).run, args=[stop])
        thread.start()
        thread.join(10)

    assert runs == [detecting.EVERY] * 3
    assert b"gateway_detecting_failures_total 2.0" in app.test_client().get("/metrics").data
    assert [(line["event"], line["why"]) for line in lines] == [("detecting_failed", "ValueError")] * 2
