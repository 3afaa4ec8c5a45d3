"""Machines are told whether the process is up, and whether it can serve."""

from flask.testing import FlaskClient
from sqlalchemy import text

from partners.postgres import database


def test_health_does_not_ask_the_database(http: FlaskClient, database_url: str) -> None:
    drop_partitions(database_url)

    answer = http.get("/healthz")

    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_readiness_is_a_problem_while_the_log_has_no_room(http: FlaskClient, database_url: str) -> None:
    before = http.get("/readyz")
    drop_partitions(database_url)

    after = http.get("/readyz")

    assert (before.status_code, before.get_json()) == (200, {"status": "ready"})
    assert after.status_code == 503
    assert after.headers["Retry-After"] == "5"
    assert after.get_json()["type"].endswith("/docs/problems#not-ready")
    assert "no partition" in after.get_json()["detail"]


def drop_partitions(url: str) -> None:
    engine = database.owner(url)
    with engine.begin() as connection:
        names = connection.execute(
            text("SELECT relname FROM pg_class WHERE relname ~ '^access_log_20.*[0-9]$' AND relkind = 'r'")
        ).scalars()
        for name in list(names):
            connection.execute(text(f"DROP TABLE {name}"))
    engine.dispose()
