"""Settings: read once, refused with the variable's name, and a secret key that is made once and kept."""

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from traceback import format_exception

import pytest
from limits.storage import storage_from_string

from gateway.http.limit_storage import IN_PROCESS, SharedStorage
from gateway.settings import REDIS_SCHEMES, SETTINGS, SettingsError, read, refuse_unsafe_production


def test_defaults(tmp_path: Path) -> None:
    settings = read({"GATEWAY_DATA_DIR": str(tmp_path)})

    assert settings.issuer == "http://127.0.0.1:8000"
    assert settings.database_url is None
    assert settings.fixed_now is None
    assert abs(settings.now() - datetime.now(UTC)).total_seconds() < 5


def test_an_empty_setting_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert read({setting.name: "" for setting in SETTINGS}) == read({})
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


def test_a_generated_secret_key_is_kept_and_private(tmp_path: Path) -> None:
    environ = {"GATEWAY_DATA_DIR": str(tmp_path)}

    assert read(environ).secret_key == read(environ).secret_key
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0
    assert read(environ).secret_key not in repr(read(environ))


def test_the_clock_is_fixed_in_tests_alone(tmp_path: Path) -> None:
    environ = {"GATEWAY_DATA_DIR": str(tmp_path), "GATEWAY_NOW": "2026-11-01T13:00:00+01:00"}

    assert read(environ).fixed_now is None
    assert read(environ | {"GATEWAY_TESTING": "1"}).now() == datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_SECRET_KEY", "short"),
        ("GATEWAY_ISSUER", "gateway.example"),
        ("GATEWAY_ISSUER", "https://gateway.example/?x=1"),
        ("GATEWAY_ISSUER", "http://[::1"),
        ("GATEWAY_ISSUER", "http://gateway.example:65536"),
        ("GATEWAY_ISSUER", "http://:80"),
        ("GATEWAY_PROXIES", "some"),
        ("GATEWAY_PROXIES", "9" * 5_000),
        ("GATEWAY_WEBHOOKS_SUSPEND_AFTER", "9" * 5_000),
        ("GATEWAY_DPOP_REQUIRED", "yes"),
        ("GATEWAY_DPOP_NONCES", "2"),
        ("GATEWAY_NOW", "soon"),
        ("GATEWAY_NOW", "2026-11-01T12:00:00"),
        ("GATEWAY_NOW", "0001-01-01T00:00:00+14:00"),
        ("GATEWAY_TERMS_FROM", "0001-01-01T00:00:00+14:00"),
        ("GATEWAY_TERMS_FROM", "2026-W44-1 00+01"),
    ],
)
def test_an_unusable_value_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read({"GATEWAY_DATA_DIR": str(tmp_path), "GATEWAY_TESTING": "1", name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_REDIS_URL", "redis://:canary@[redis.example"),
        ("GATEWAY_REDIS_URL", "redis://:canary@redis.example:port"),
        ("GATEWAY_REDIS_URL", "redis+sentinel://:canary@redis.example:26379/counts"),
        ("GATEWAY_REDIS_URL", "redis+cluster://:canary@redis.example:7000"),
        ("GATEWAY_REDIS_URL", "REDIS://:canary@redis.example"),
        ("GATEWAY_REDIS_URL", "memcached://:canary@redis.example"),
        ("GATEWAY_DATABASE_URL", "postgresql://gateway:canary@[::1"),
        ("GATEWAY_DATABASE_URL", "postgresql://gateway:canary@db.example:port/gateway"),
        ("GATEWAY_DATABASE_URL", "canary"),
        ("GATEWAY_DATABASE_URL", "postgresql://gateway:c@nary:canary@db.example:5432/gateway"),
        ("GATEWAY_DATABASE_URL", "postgresql://gateway:c@canary@db.example/gateway"),
        ("GATEWAY_DATABASE_URL", "host=db.example user=gateway password=canary"),
        ("GATEWAY_DATABASE_URL", "mysql://gateway:canary@db.example/gateway"),
    ],
)
def test_an_address_with_a_password_is_refused_without_it(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        read({"GATEWAY_DATA_DIR": str(tmp_path), name: value})

    assert "canary" not in "".join(format_exception(refused.value))


@pytest.mark.parametrize("url", ["postgresql://u:p%40ss@[::1]:5432/x", "postgresql:///x?host=/run", "postgres://h/x"])
def test_databases_are_taken_as_they_are_written(tmp_path: Path, url: str) -> None:
    assert read({"GATEWAY_DATA_DIR": str(tmp_path), "GATEWAY_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("scheme", REDIS_SCHEMES)
def test_every_address_of_redis_that_settings_take_is_counted_at(tmp_path: Path, scheme: str) -> None:
    url = read({"GATEWAY_DATA_DIR": str(tmp_path), "GATEWAY_REDIS_URL": f"{scheme}:///redis.example"}).redis_url

    assert isinstance(storage_from_string(f"{IN_PROCESS}+{url}"), SharedStorage)


def test_what_is_bound_to_keys_is_switched_on_by_a_one(tmp_path: Path) -> None:
    environ = {"GATEWAY_DATA_DIR": str(tmp_path)}
    on = read(environ | {"GATEWAY_DPOP_REQUIRED": "1", "GATEWAY_DPOP_NONCES": "1"})

    assert (read(environ).dpop_required, read(environ).dpop_nonces) == (False, False)
    assert (on.dpop_required, on.dpop_nonces) == (True, True)


def test_an_external_database_needs_a_secret_key_of_its_own() -> None:
    with pytest.raises(SettingsError, match="GATEWAY_SECRET_KEY"):
        refuse_unsafe_production({"GATEWAY_DATABASE_URL": "postgresql://db.example/gateway"})


def test_so_does_the_application_for_other_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql://db.example/gateway")
    monkeypatch.delenv("GATEWAY_SECRET_KEY", raising=False)

    with pytest.raises(SettingsError, match="GATEWAY_SECRET_KEY"):
        import_module("wsgi")


@pytest.mark.parametrize("named", ["", None])
def test_and_a_database(named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("GATEWAY_DATABASE_URL", raising=False)
    if named is not None:
        monkeypatch.setenv("GATEWAY_DATABASE_URL", named)

    with pytest.raises(SettingsError, match="GATEWAY_DATABASE_URL"):
        import_module("wsgi")
