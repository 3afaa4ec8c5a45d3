"""What commands work with: a database, which the gateway brings where it has none, and the secret it was made with."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from gateway.cli.session import session
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.database import Database
from partners.registry import key_life
from tests.feeding import lines, registered
from tests.gateway.cli.commands import invoke, run

WRITTEN_WITH = "the key that the database was written with"


@pytest.mark.slow
def test_commands_starting_at_once_share_the_embedded_database(reachable: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment = kept | {"GATEWAY_DATA_DIR": str(reachable)}
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "partners", "add", "webmaster"]

    started = [
        subprocess.Popen([*command, name, "--name", name], env=environment, stdout=subprocess.PIPE, text=True)
        for name in ("w1", "w2")
    ]
    outputs = [process.communicate(timeout=120)[0] for process in started]

    assert [process.returncode for process in started] == [0, 0], outputs


def test_an_external_database_is_prepared_only_when_asked(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("DROP TABLE policy_version"))
    owner.dispose()

    with session() as opened:
        assert not _has_policies(opened.database)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_of_another_encoding_is_refused(
    cluster: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    admin = create_engine(make_url(cluster).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    odd = "TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C' ENCODING"
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE odd {odd} '{encoding}'"))
    monkeypatch.setenv("GATEWAY_DATABASE_URL", make_url(cluster).set(database="odd").render_as_string())
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("GATEWAY_SECRET_KEY", WRITTEN_WITH)

    refused = invoke("db", "upgrade")

    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE odd WITH (FORCE)"))
    admin.dispose()
    assert refused.exit_code == 1
    assert refused.stderr == "Error: The database's encoding must be UTF8; see createdb in docs/operations.md.\n"


def _has_policies(opened: Database) -> bool:
    with opened.write.connect() as connection:
        return connection.execute(text("SELECT to_regclass('policy_version')")).scalar_one() is not None


def test_another_secret_key_than_the_database_s_is_refused(
    db: Database, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    """Former usernames and erased members would not be known again, and nothing that is sealed could be opened."""
    with db.write.begin() as connection:
        waiting = key_life.add(connection, Keyring(WRITTEN_WITH), now=datetime.now(UTC))
    events = tmp_path / "events.ndjson"
    events.write_bytes(lines(registered("m1")))

    refused = [
        invoke(*command.split(), *more)
        for command, *more in [
            ("ingest", str(events)),
            ("serve --port 0",),
            ("rights replay",),
            ("retention run",),
            ("keys add",),
            ("keys rotate",),
            (f"keys activate {waiting.id} --now --reason rehearsed",),
            ("webhooks add w1 https://hooks.example",),
            ("webhooks deliver --once",),
            ("audit key",),
            ("audit seal",),
            ("audit export",),
        ]
    ]
    unverifiable = invoke("audit", "verify")
    environment.setenv("GATEWAY_SECRET_KEY", WRITTEN_WITH)

    assert {each.exit_code for each in refused} == {1}
    assert all("GATEWAY_SECRET_KEY is not the one" in each.output for each in refused)
    assert (unverifiable.exit_code, "GATEWAY_SECRET_KEY is not the one" in unverifiable.output) == (2, True)
    assert run("ingest", str(events)).stdout.startswith("accepted: 1")


@pytest.mark.usefixtures("environment")
def test_whoever_lost_the_secret_begins_anew_with_another(db: Database, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with db.write.begin() as connection:
        lost = key_life.make_active(connection, Keyring(WRITTEN_WITH), now=now)
    assert lost is not None
    events = tmp_path / "events.ndjson"
    events.write_bytes(lines(registered("m1")))

    run("keys", "revoke", lost.id, "--reason", "the secret is lost")

    assert invoke("ingest", str(events)).exit_code == 0
