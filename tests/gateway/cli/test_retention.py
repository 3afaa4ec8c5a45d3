"""`gateway retention run` deletes what has lapsed and says what it deleted and skipped."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, func, make_url, select, text

from gateway.cli import main
from partners.database import Database
from partners.tables.access import access_network
from partners.tables.activity import action
from tests.conftest import NOW, SECRET
from tests.factories import add_action, add_member, add_model

LAPSED = NOW + timedelta(days=120, seconds=1)


@pytest.fixture
def environment(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_TESTING", "1")
    monkeypatch.setenv("GATEWAY_NOW", LAPSED.isoformat())


def run(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(["retention", "run", *options])
    assert left.value.code == 0
    return capsys.readouterr().out


@pytest.mark.usefixtures("environment")
def test_a_run_deletes_what_has_lapsed_and_reports_what_it_skipped(
    db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with db.write.begin() as connection:
        model = add_model(connection)
        for member_id, restricted in (("m1", False), ("m2", True)):
            number = add_member(connection, member_id, registered_at=NOW, restricted=restricted)
            add_action(connection, model, number, at=NOW)

    said = json.loads(run(capsys, "--json"))

    assert (said["actions"], said["devices"], said["skipped_restricted_members"]) == (1, 0, 1)
    with db.write.connect() as connection:
        assert connection.execute(select(func.count()).select_from(action)).scalar_one() == 1
    assert "actions: 0" in run(capsys)


@pytest.mark.usefixtures("environment")
def test_a_run_makes_the_logs_coming_partitions_and_forgets_old_network_data(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    month = f"access_log_{_in_three_months():%Y_%m}"
    long_ago = datetime.now(UTC) - timedelta(days=121)
    with owner.begin() as connection:
        connection.execute(text(f"DROP TABLE {month}"))
        connection.execute(
            text(
                "CREATE TABLE access_network_old PARTITION OF access_network "
                f"FOR VALUES FROM ('{long_ago.date()} 00:00:00+00') TO ('{long_ago.date()} 24:00:00+00')"
            )
        )
        connection.execute(access_network.insert().values(at=long_ago, access=uuid4(), ip="192.0.2.1", salt=uuid4()))

    said = json.loads(run(capsys, "--json"))

    with owner.connect() as connection:
        assert connection.execute(select(func.to_regclass(month))).scalar_one() == month
        assert connection.execute(select(func.count()).select_from(access_network)).scalar_one() == 0
    assert said["networks"] == 1
    owner.dispose()


def _in_three_months() -> datetime:
    first = datetime.now(UTC).replace(day=1)
    for _ in range(3):
        first = (first + timedelta(days=31)).replace(day=1)
    return first
