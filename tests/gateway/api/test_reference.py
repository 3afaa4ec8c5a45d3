"""The pages: readable without anything from elsewhere, under a policy that lets nothing from elsewhere in."""

import re

import pytest
from flask.testing import FlaskClient

from gateway.http.codes import FAULTS, FEED_ERRORS, PROBLEMS, REASONS, SCOPES


@pytest.mark.parametrize("path", ["/docs", "/docs/problems"])
def test_a_page_loads_only_what_is_served_here_and_runs_nothing_inline(http: FlaskClient, path: str) -> None:
    page = http.get(path)
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page.text)

    assert page.status_code == 200
    assert page.content_type == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page.text) == []
    for address in loaded:
        if address != "data:,":
            with http.get(address) as answer:
                assert (address, answer.status_code) == (address, 200)
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_assets_are_of_their_type_and_can_be_kept(http: FlaskClient) -> None:
    with http.get("/docs/assets/reference.js") as script, http.get("/docs/assets/swagger-ui.css") as style:
        assert script.mimetype == "text/javascript"
        assert style.mimetype == "text/css"
        assert script.headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("name", ["reference.html", "problems.html", "swagger-ui.js", "..%2F__init__.py", "index.css"])
def test_only_what_pages_load_is_served(http: FlaskClient, name: str) -> None:
    assert http.get(f"/docs/assets/{name}").status_code == 404


def test_the_type_of_every_problem_leads_to_what_it_means(http: FlaskClient) -> None:
    page = http.get("/docs/problems").text
    missing = http.get("/nothing").get_json()

    assert missing["type"] == "http://127.0.0.1:8000/docs/problems#not-found"
    assert all(f'id="{slug}"' in page for problems in PROBLEMS.values() for slug in problems)


def test_every_code_is_on_the_page(http: FlaskClient) -> None:
    page = http.get("/docs/problems").text

    assert all(f"<code>{code}</code>" in page for codes in (FAULTS, SCOPES, REASONS, FEED_ERRORS) for code in codes)
    assert "`" not in page
