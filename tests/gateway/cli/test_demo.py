"""`gateway demo`: started with one command, every printed line works as it stands, and tokens come from anywhere."""

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from gateway.cli import main
from tests.gateway.demo.running import Demo, demonstrated

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with demonstrated() as running:
        yield running


def get(demo: Demo, path: str, token: str, **parameters: str) -> requests.Response:
    return requests.get(demo.url + path, params=parameters, headers={"Authorization": f"Bearer {token}"}, timeout=10)


@pytest.mark.parametrize(
    ("whom", "path"),
    [
        ("webmaster:northlight", "/v1/webmaster/members"),
        ("webmaster:westwind", "/v1/webmaster/campaigns"),
        ("model:aurora", "/v1/model/members/night_owl"),
        ("platform", "/v1/platform/members/m-0144/privacy"),
        ("auditor", "/v1/audit/accesses"),
    ],
)
def test_a_fresh_token_opens_what_it_is_for(demo: Demo, whom: str, path: str) -> None:
    assert get(demo, path, demo.token(whom)).status_code == 200


def test_a_scope_can_be_asked_for(demo: Demo) -> None:
    card = get(demo, "/v1/model/members/night_owl", demo.token("model:aurora", "--scope", "cards:read")).json()["data"]
    both = demo.token("model:aurora", "--scope", "cards:read cards.sensitive:read")
    sensitive = get(demo, "/v1/model/members/night_owl", both).json()["data"]

    assert card["profile"]["turn_ons"] is None
    assert sensitive["profile"]["turn_ons"] is not None


@pytest.mark.parametrize(
    ("whom", "said"),
    [
        ("webmaster:nobody", "only for the demo's own (webmaster:northlight, "),
        ("webmaster:nobody", "register a client with `gateway clients add ID`"),
        ("compass", "A token is for webmaster:ID, model:ID, platform or auditor"),
        ("auditor:x", "A token is for webmaster:ID, model:ID, platform or auditor"),
        ("model:", "A token is for webmaster:ID, model:ID, platform or auditor"),
        ("model:nobody", "names no registered model"),
    ],
)
def test_whom_a_token_cannot_be_for(demo: Demo, whom: str, said: str) -> None:
    refused = CliRunner(env={"GATEWAY_DATA_DIR": demo.data_dir}).invoke(main, ["demo", "token", whom])

    assert refused.exit_code == 1
    assert said in refused.output


def test_without_a_demo_the_way_to_one_is_said(tmp_path: Path) -> None:
    refused = CliRunner(env={"GATEWAY_DATA_DIR": str(tmp_path)}).invoke(main, ["demo", "token", "platform"])

    assert refused.exit_code == 1
    assert "start one with `gateway demo`" in refused.output
    assert list(tmp_path.iterdir()) == []


def test_what_a_gateway_in_production_shares_is_none_of_a_demos(tmp_path: Path) -> None:
    """Its members and settings would be applied to people of the same ids (R41)."""
    journal, spool = tmp_path / "journal", tmp_path / "spool"
    for directory in (journal, spool):
        directory.mkdir()
    shared = {
        "GATEWAY_JOURNAL_DIR": str(journal),
        "GATEWAY_SECRET_KEY": "x" * 40,
        "GATEWAY_SPOOL_DIR": str(spool),
        "GATEWAY_REDIS_URL": "redis://127.0.0.1:1",
        "GATEWAY_TERMS": "9",
        "GATEWAY_DPOP_REQUIRED": "1",
    }

    with demonstrated(**shared) as running:
        assert get(running, "/v1/webmaster/members", running.token("webmaster:northlight")).status_code == 200
        said = running.said.read_text().splitlines()[0]

    assert [*journal.iterdir(), *spool.iterdir()] == []
    assert said == f"Left aside, and to be unset where the lines are pasted: {', '.join(shared)}."


@pytest.mark.parametrize(
    ("there", "database"), [("access-log", ""), ("journal", ""), ("", "postgresql://gateway@db.internal/gateway")]
)
def test_a_demo_does_not_start_in_the_data_directory_of_another_gateway(
    tmp_path: Path, there: str, database: str
) -> None:
    (tmp_path / there).mkdir(exist_ok=True)
    environ = {"GATEWAY_DATA_DIR": str(tmp_path), "GATEWAY_DATABASE_URL": database}

    refused = CliRunner(env=environ).invoke(main, ["demo", "--port", "0"])

    assert refused.exit_code == 1
    assert "is that of a gateway that is no demo; set GATEWAY_DATA_DIR to an empty one" in refused.output
    assert [path.name for path in tmp_path.iterdir()] == ([there] if there else [])


def test_members_in_the_lists_are_those_shared_with_the_webmaster(demo: Demo) -> None:
    northlight, westwind = demo.token("webmaster:northlight"), demo.token("webmaster:westwind")

    names = {row["username"] for row in get(demo, "/v1/webmaster/members", northlight, limit="200").json()["data"]}

    assert "night_owl" in names
    assert not names & {"north_gate", "green_signal", "closed_door", "still_water", "no_thank_you", "left_the_house"}
    assert get(demo, "/v1/webmaster/members", westwind).status_code == 403


@pytest.fixture(scope="module")
def answers(demo: Demo) -> list[Any]:
    """What every printed line prints, pasted one after the other."""
    if shutil.which("curl") is None:
        pytest.skip("LEFT OUT: the printed lines need curl, and there is none")
    return [demo.shell(line["command"]) for line in demo.lines]


def test_the_printed_lines_work_and_show_what_they_say(answers: list[str]) -> None:
    listed, one, campaigns = map(json.loads, answers[:3])
    card, sensitive, patched, hidden, back, audit = map(json.loads, answers[5:11])

    assert len(listed["data"]) == 2
    assert one["data"]["username"] == "night_owl"
    assert [row["code"] for row in campaigns["data"]] == ["newsletter", "spring", "summer"]
    assert card["data"]["mask"] is not None
    assert card["data"]["profile"]["turn_ons"] is None
    assert sensitive["data"]["profile"]["turn_ons"] is not None
    assert (patched["profile_visibility"], patched["mask_visibility"]) == ("private", "private")
    assert set(hidden["data"]["profile"].values()) == {None}
    assert hidden["data"]["mask"] is None
    assert back["profile_visibility"] == "all_models"
    assert [entry["outcome"] for entry in audit["data"]] == ["partial", "released"]


def test_the_statement_is_above_the_income_of_its_month_by_what_was_withheld(answers: list[str]) -> None:
    statistics, statement = map(json.loads, answers[3:5])
    money, clicks = statistics["totals"]
    (owed,) = statement["data"]

    assert money["purchases"] > 10
    assert (money["currency"], clicks["currency"]) == ("USD", None)
    assert clicks["clicks"] > 10_000
    assert owed["is_final"]
    assert Decimal(owed["payable"]) > Decimal(money["income"]) > 100


def test_the_denied_case_is_denied_and_found(answers: list[str]) -> None:
    assert answers[11].startswith("HTTP/1.1 403 ")
    assert json.loads(answers[12])["data"][0]["reason"] == "insufficient_scope"
    assert "does not exist for webmaster:northlight: opted_out" in answers[13]


def test_a_line_works_in_bash_too(demo: Demo, answers: list[str]) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("LEFT OUT: there is no bash")

    assert demo.shell(demo.lines[2]["command"], shell=bash) == answers[2]
