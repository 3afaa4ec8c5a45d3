"""The description is valid OpenAPI 3.1, and describes every route, no other, as the route's own guard has it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.description import path_of
from gateway.description.examples import EXAMPLES
from gateway.oauth.guard import Guard
from partners.vocabulary import PartnerKind, Scope, StatisticsGroup
from serializers.policies import POLICIES

Described = dict[str, Any]
FOR_PEOPLE = ("/docs", "/account", "/console", "/oauth/authorize", "/oauth/consent")
"""Pages, which no client is generated for."""
SOMETIMES = {
    "Problem": {"available_from", "supervisory_authority"},
    "Fault": {"parameter", "pointer"},
    "OAuthError": {"error_description"},
    "MemberRequest": {"kept", "supervisory_authority"},
    "StatisticsRow": {group.value for group in StatisticsGroup},
}
"""Keys of answers that are not always there."""
POSTED_ONLY = "/oauth/"
"""Paths that answer any other method with an OAuth error."""


@pytest.fixture
def described(http: FlaskClient) -> Described:
    answer = http.get("/v1/openapi.json")
    assert answer.status_code == 200
    document: Described = answer.get_json()
    return document


def operations(described: Described) -> Iterator[tuple[str, str, Described]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def routes(app: Flask) -> Iterator[tuple[str, str, Guard | None]]:
    for rule in app.url_map.iter_rules():
        guard = getattr(app.view_functions[rule.endpoint], "guard", None)
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith(POSTED_ONLY) and "POST" in methods:
            methods = {"POST"}
        if not rule.rule.startswith(FOR_PEOPLE):
            yield from ((path_of(rule.rule), method, guard) for method in methods)


def test_it_is_valid_and_needs_no_token(described: Described) -> None:
    OpenAPIV31SpecValidator(described).validate()

    assert described["openapi"] == "3.1.0"
    assert [server["url"] for server in described["servers"]] == ["http://127.0.0.1:8000"]


def test_every_route_is_described_and_no_other(app: Flask, described: Described) -> None:
    found = {(path, method) for path, method, _ in operations(described)}

    assert found == {(path, method) for path, method, _ in routes(app)}


def test_every_operation_has_its_own_id_a_known_tag_and_a_summary(described: Described) -> None:
    every = [operation for _, _, operation in operations(described)]
    tags = {tag["name"] for tag in described["tags"]}

    assert len({operation["operationId"] for operation in every}) == len(every)
    assert all(set(operation["tags"]) <= tags and operation["summary"] for operation in every)


def test_looks_of_auditors_may_tell_their_case(app: Flask, described: Described) -> None:
    guards = {(path, method): guard for path, method, guard in routes(app)}
    for path, method, operation in operations(described):
        guard = guards[path, method]
        told = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "header"}

        assert (guard is not None and guard.kind is PartnerKind.AUDITOR) == ("Case-Number" in told), path
        assert ("Case-Number" in told) == ("Case-Purpose" in told), path


def test_what_is_guarded_needs_its_scope_and_may_be_refused(app: Flask, described: Described) -> None:
    guards = {(path, method): guard for path, method, guard in routes(app)}
    for path, method, operation in operations(described):
        guard, statuses = guards[path, method], operation["responses"].keys()
        if guard is None:
            assert "403" not in statuses
            continue
        asked = {scope for needed in operation["security"] for scopes in needed.values() for scope in scopes}

        assert asked == {scope for scope in (guard.scope, guard.or_scope) if scope}, path
        assert statuses >= {"401", "403", "422", "503"}, path
        assert ("429" in statuses) == (guard.work is not None), path
        assert ("404" in statuses) == ("{" in path), path
        assert ("413" in statuses) == ("415" in statuses) == ("requestBody" in operation), path


def test_every_scope_is_explained_where_tokens_are_got(described: Described) -> None:
    flow = described["components"]["securitySchemes"]["clientCredentials"]["flows"]["clientCredentials"]

    assert flow["tokenUrl"] == "http://127.0.0.1:8000/oauth/token"
    assert set(flow["scopes"]) == set(Scope)


def test_every_field_of_a_policy_says_when_it_is_shown_and_by_which_rule(described: Described) -> None:
    schemas = described["components"]["schemas"]
    rows = {"webmaster": "MemberRow", "webmaster.purchases": "PurchaseRow", "model": "Card"}
    rows["model.spending"] = "SpendingLine"
    for policy in POLICIES:
        for field in policy.fields:
            group, _, item = field.name.partition(".")
            name = f"{rows[policy.name]}{group.title()}" if item else rows[policy.name]

            assert schemas[name]["properties"][item or group]["x-disclosure"]["clause"] == field.clause


def test_every_parameter_is_explained(described: Described) -> None:
    for path, _, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description"), (path, parameter["name"])


def test_every_example_is_of_its_schema(described: Described) -> None:
    shown = 0
    for path, _, operation in operations(described):
        for response in operation["responses"].values():
            for media in response.get("content", {}).values():
                if "example" in media:
                    shown += 1
                    whole = {**media["schema"], "components": described["components"]}
                    assert list(Draft202012Validator(whole).iter_errors(media["example"])) == [], path

    assert shown == len(EXAMPLES)


def named(part: Any, described: Described, found: set[str]) -> set[str]:
    """The components that a part of the description leads to."""
    if isinstance(part, dict):
        kind, _, name = str(part.get("$ref", "")).removeprefix("#/components/").partition("/")
        if name and name not in found:
            found |= {name} if kind == "schemas" else set()
            named(described["components"][kind][name], described, found)
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            named(inner, described, found)
    return found


def test_keys_that_are_always_there_are_required(described: Described) -> None:
    schemas = described["components"]["schemas"]
    answers = named([operation["responses"] for _, _, operation in operations(described)], described, set())
    optional = {
        name: set(schemas[name].get("properties", ())) - set(schemas[name].get("required", ())) for name in answers
    }

    assert {"MemberRow", "Device", "CreditPurchases"} <= answers
    assert {name: keys for name, keys in optional.items() if keys} == SOMETIMES


def enumerations(part: Any) -> Iterator[list[Any]]:
    if isinstance(part, dict):
        if isinstance(part.get("enum"), list):
            yield part["enum"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from enumerations(inner)


def test_enumerations_are_of_strings_which_makers_of_clients_understand(described: Described) -> None:
    found = list(enumerations(described))

    assert found
    assert [values for values in found if not all(value is None or isinstance(value, str) for value in values)] == []


def test_what_a_member_may_hide_is_described_as_true_or_null(described: Described) -> None:
    badge = Draft202012Validator(described["components"]["schemas"]["Card"]["properties"]["regular_payer"])

    assert [badge.is_valid(value) for value in (True, None, False, "yes")] == [True, True, False, False]


def test_it_may_be_kept_and_is_revalidated(http: FlaskClient) -> None:
    first = http.get("/v1/openapi.json")
    again = http.get("/v1/openapi.json", headers={"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert (again.status_code, again.data) == (304, b"")
