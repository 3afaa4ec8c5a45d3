"""A served gateway whose spool breaks: a full disk, a deleted file, a sudden death."""

import json
import random
import subprocess
import tempfile
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.spool.framing import key_of
from partners.spool.reading import Damage, Kept, extents, read
from partners.spool.spool import Spool, SpoolError
from tests.conftest import SECRET
from tests.factories import add_member
from tests.gateway.api.test_webmaster import webmaster
from tests.journeys.breaking import Answered, house
from tests.journeys.serving import served
from tests.journeys.test_killed_server import Load
from tests.journeys.test_other_faults import fill, small_disk

pytestmark = pytest.mark.slow
DEATHS = 4


def requests_kept(directory: Path) -> set[str]:
    """Ids of the requests whose records are in the spool; nothing in it may be damaged."""
    found = [each for extent in extents(directory) for each in read(extent, key_of(Keyring(SECRET)))]
    assert not [each for each in found if isinstance(each, Damage)]
    return {json.loads(each.leaf)["request_id"] for each in found if isinstance(each, Kept)}


def answered(answers: list[Answered]) -> set[str]:
    return {found.headers["X-Request-Id"] for found in answers if found.status == 200}


def test_its_disk_is_full(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="gateway-spool-") as directory,
        small_disk(Path(directory) / "disk") as disk,
        house(Path(directory), tmp_path, GATEWAY_SPOOL_DIR=str(disk)) as made,
    ):
        answers = made.ask_all()
        with (disk / "filler").open("wb") as filler:
            fill(filler.fileno())
        while any(found.status == 200 for found in answers[-len(made.asks) :]):
            answers += made.ask_all()
        last = answers[-len(made.asks) :]
        assert not [(found.ask.path, found.status) for found in last if not found.is_unavailable_in_time()]
        assert all("#audit-unavailable" in found.text for found in last)
        ready = made.get("/readyz")
        assert (ready.status, "spool" in ready.text) == (503, True)
        assert "gateway_spool_failures_total" in made.get("/metrics").text
        assert answered(answers) <= requests_kept(disk)

        (disk / "filler").unlink()
        made.recover()
        assert answered(made.ask_all()) <= requests_kept(disk)


def test_with_any_answers_go_on_and_say_so(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="gateway-spool-") as directory,
        small_disk(Path(directory) / "disk") as disk,
        house(Path(directory), tmp_path, GATEWAY_SPOOL_DIR=str(disk), GATEWAY_SPOOL_POLICY="any") as made,
    ):
        with (disk / "filler").open("wb") as filler:
            fill(filler.fileno())
        for _ in range(3):
            answers = made.ask_all()
        assert {found.status for found in answers} == {200}
        assert "lacks" in made.get("/readyz").text
        assert '"spool_silent"' in (tmp_path / "serve.log").read_text()
        made.all_recorded(answers)


def test_its_files_are_deleted_under_its_hands(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="gateway-spool-") as directory:
        spool = tmp_path / "spool"
        spool.mkdir()
        with house(Path(directory), tmp_path, GATEWAY_SPOOL_DIR=str(spool)) as made:
            for _ in range(3):
                for extent in extents(spool):
                    extent.path.unlink()
                assert answered(made.ask_all()) == requests_kept(spool)
        assert (tmp_path / "serve.log").read_text().count('"spool_file_lost"') >= 3


def test_a_disk_that_may_not_be_written_is_an_error() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="gateway-spool-") as directory,
        small_disk(Path(directory) / "disk") as disk,
    ):
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        spool = Spool(disk, key_of(Keyring(SECRET)), lambda _: None)

        for leaves in ([b"{}"], []):
            with pytest.raises(SpoolError, match="Read-only file system"):
                spool.keep(leaves, within_s=5.0)


def test_every_body_received_is_in_the_spool(
    db: Database, http: FlaskClient, database_url: str, tmp_path: Path
) -> None:
    w1 = webmaster(db, http, "w1")
    with db.write.begin() as connection:
        for place in range(30):
            add_member(connection, f"m{place}", webmaster=w1.number)
    spool = tmp_path / "spool"
    spool.mkdir()
    chance = random.Random(20261128)  # noqa: S311 - chosen moments, not secrets
    load = Load(w1.headers["Authorization"].removeprefix("Bearer "))

    for _ in range(DEATHS):
        with served(database_url, tmp_path, GATEWAY_SPOOL_DIR=str(spool)) as server:
            load.until_killed(server, chance.uniform(0.05, 0.5))

    assert len(load.received) > DEATHS
    assert load.received.keys() <= requests_kept(spool)
