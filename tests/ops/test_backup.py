"""The recipe for backups: everything comes back but the masks, of which no former one is kept anywhere (R18)."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Text, cast, create_engine, func, make_url, select, text

from gateway.preparation import prepare
from gateway.readiness import Lack, lack_of
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.database import Database, Role
from partners.postgres.embedded import binary, embedded_postgres
from partners.tables.activity import relation
from partners.tables.member import member, profile
from tests.conftest import NOW, fresh_database
from tests.factories import add_action, add_member, add_model, add_partner
from tests.feeding import Platform, registered, updated

pytestmark = pytest.mark.slow

OPS = Path(__file__).parents[2] / "ops"
MASK = "canary-mask"


def run(script: str, *arguments: str) -> None:
    path = f"{binary('psql').parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(OPS / script), *arguments], check=False, capture_output=True, text=True, env=os.environ | {"PATH": path}
    )
    assert done.returncode == 0, done.stderr


def test_a_restored_backup_has_everything_but_the_masks(
    db: Database, database_url: str, cluster: str, *, keyring: Keyring, tmp_path: Path
) -> None:
    """What sets a mask is applied again when the platform sends it again."""
    with db.write.begin() as connection:
        webmaster, model = add_partner(connection, "w1"), add_model(connection)
        for place in range(5):
            number = add_member(connection, f"m{place}", webmaster=webmaster, mask=MASK, sub1='a "quoted", sub')
            add_action(connection, model, number, at=NOW)
    events = [registered("fed"), updated("fed", mask=MASK)]
    Platform(db, keyring, NOW, tmp_path).must(*events)
    restored_url = make_url(cluster).set(database="restored").render_as_string(hide_password=False)
    admin = create_engine(make_url(cluster).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE restored"))

    run("backup.sh", database_url, str(tmp_path / "backup"))
    run("restore.sh", restored_url, str(tmp_path / "backup"))
    owner = database.owner(restored_url)
    prepare(owner, now=NOW)

    # As text: a date of never (`infinity`) is none in Python.
    kept = [cast(column, Text) for column in member.c if column.name != "mask"]
    with db.write.connect() as before, owner.connect() as after:
        assert after.execute(select(*kept)).all() == before.execute(select(*kept)).all()
        assert after.execute(select(member.c.mask).distinct()).scalars().all() == [None]
        for table in (profile, relation):
            count = select(func.count()).select_from(table)
            assert after.execute(count).scalar_one() == before.execute(count).scalar_one() > 0
    with owner.begin() as connection:
        add_member(connection, "new")  # The numbers go on where they stood.
    assert lack_of(restored_url, now=NOW) is None
    restored = database.connect(restored_url)
    again = Platform(restored, keyring, NOW, tmp_path).send(*events)
    assert (again.accepted, again.duplicates) == (1, 1)
    with restored.write.connect() as after:
        assert after.execute(select(member.c.mask).where(member.c.id == "fed")).scalar_one() == MASK
    restored.dispose()
    owner.dispose()
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE restored WITH (FORCE)"))
    admin.dispose()


def test_a_new_server_s_login_takes_on_the_roles_of_what_it_restores(
    cluster: str, template: str, reachable: Path, tmp_path: Path
) -> None:
    """As docs/operations.md has it: a login that may create roles, and no more."""
    with fresh_database(cluster, template) as old:
        run("backup.sh", old, str(tmp_path / "backup"))
    with embedded_postgres(reachable) as server:
        admin = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE ROLE gateway LOGIN CREATEROLE"))
            connection.execute(text("CREATE DATABASE gateway OWNER gateway TEMPLATE template0 ENCODING 'UTF8'"))
        admin.dispose()
        url = make_url(server).set(username="gateway", database="gateway").render_as_string()

        run("restore.sh", url, str(tmp_path / "backup"))
        restored = lack_of(url, now=datetime.now(UTC))
        owner = database.owner(url)
        with owner.begin() as connection:
            for role in Role:
                connection.execute(text(f"REVOKE {role} FROM gateway GRANTED BY gateway CASCADE"))
        revoked = lack_of(url, now=datetime.now(UTC))
        prepare(owner, now=datetime.now(UTC))
        owner.dispose()
        prepared = lack_of(url, now=datetime.now(UTC))

    assert (restored, revoked, prepared) == (None, Lack.RIGHTS, None)


def test_no_file_of_a_backup_holds_a_mask(db: Database, database_url: str, tmp_path: Path) -> None:
    with db.write.begin() as connection:
        add_member(connection, "m1", mask=MASK, username="canary_name")

    run("backup.sh", database_url, str(tmp_path / "backup"))

    whole = subprocess.run(
        [str(binary("pg_restore")), "--file", "-", str(tmp_path / "backup" / "gateway.dump")],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    lines = (tmp_path / "backup" / "member.csv").read_text()
    assert "canary_name" in lines
    assert MASK not in whole + lines


def test_a_backup_that_fails_leaves_nothing_behind(db: Database, database_url: str, tmp_path: Path) -> None:
    with db.write.begin() as connection:
        add_member(connection, "m1")
    unfit = tmp_path / "unfit"
    unfit.mkdir()
    (unfit / "psql").symlink_to(binary("psql"))
    (unfit / "pg_dump").write_text("#!/bin/sh\nexit 1\n")
    (unfit / "pg_dump").chmod(0o755)
    path = f"{unfit}{os.pathsep}{os.environ['PATH']}"

    command = [str(OPS / "backup.sh"), database_url, str(tmp_path / "backup")]
    done = subprocess.run(command, check=False, capture_output=True, env=os.environ | {"PATH": path})

    assert done.returncode == 1
    assert not (tmp_path / "backup").exists()
    run("backup.sh", database_url, str(tmp_path / "backup"))


def test_the_embedded_database_is_backed_up_and_restored_with_its_own_tools(reachable: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}

    def embedded(script: str, data_dir: str) -> None:
        arguments = [str(reachable / data_dir), str(OPS / script), str(reachable / "backup")]
        subprocess.run([sys.executable, str(OPS / "embedded.py"), *arguments], check=True, env=kept)

    def gateway(data_dir: str, *arguments: str) -> str:
        environ = kept | {"GATEWAY_DATA_DIR": str(reachable / data_dir)}
        command = [sys.executable, "-m", "gateway.cli", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout

    gateway("old", "partners", "add", "webmaster", "w1", "--name", "One")
    embedded("backup.sh", "old")
    embedded("restore.sh", "new")

    assert "w1" in gateway("new", "partners", "list")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_what_is_told_to_end_leaves_neither_script_nor_database_behind(reachable: Path, signum: signal.Signals) -> None:
    script, ended = reachable / "script.sh", reachable / "ended"
    script.write_text("#!/bin/sh\ntrap 'touch \"$2\"; exit 1' TERM\nexec 2>&1\necho begun\nsleep 60\n")
    script.chmod(0o755)
    command = [sys.executable, str(OPS / "embedded.py"), str(reachable / "data"), str(script), str(ended)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        was_up = (reachable / "data/postgres/cluster/postmaster.pid").exists()
        running.send_signal(signum)
        _, said = running.communicate(timeout=30)

    assert (running.returncode, said) == (128 + signum, "")
    assert was_up
    assert ended.exists()
    assert not (reachable / "data/postgres/cluster/postmaster.pid").exists()


def test_who_runs_it_without_arguments_is_told_what_it_takes() -> None:
    done = subprocess.run([sys.executable, str(OPS / "embedded.py")], check=False, capture_output=True, text=True)

    assert done.returncode == 2
    assert done.stderr.startswith("usage: python ops/embedded.py DATA_DIRECTORY ops/backup.sh DIRECTORY\n")


def test_a_backup_never_writes_over_another(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="File exists"):
        run("backup.sh", database_url, str(tmp_path))
