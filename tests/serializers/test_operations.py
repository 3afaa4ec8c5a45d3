"""Every operation that a record may name can be searched for."""

import ast
import re
from pathlib import Path

import pytest
from flask import Flask

import gateway
import partners
from partners.tables import metadata
from partners.vocabulary import EventType, NoticeTopic, RequestAction
from serializers.operations import OPERATIONS

SHAPE = re.compile(r"[a-z_]+\.[a-z_]+")
OF_MACHINES = re.compile(r".*\.(css|csv|html|js|json|lock|log|ndjson)|gateway\..*|wsgi\..*")
"""Names of the same shape that files, modules and variables of the server have."""


@pytest.fixture(scope="module")
def modules() -> list[ast.Module]:
    roots = [Path(root) for package in (gateway, partners) for root in package.__path__]
    return [ast.parse(path.read_text()) for root in roots for path in sorted(root.rglob("*.py"))]


def words(node: ast.AST) -> set[str]:
    constants = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return {value for value in constants if isinstance(value, str) and SHAPE.fullmatch(value)}


def acts_of_operators(modules: list[ast.Module]) -> set[str]:
    calls = (node for module in modules for node in ast.walk(module) if isinstance(node, ast.Call))
    return {word for call in calls if ast.unparse(call.func) == "Act" for word in words(call.args[0])}


def named_by_requests(app: Flask) -> set[str]:
    """The operation of each guard, and each path of OAuth that a client posts to: it is recorded as its endpoint."""
    guards = [getattr(view, "guard", None) for view in app.view_functions.values()]
    posted = {rule.endpoint for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    return {guard.operation for guard in guards if guard} | {each for each in posted if each.startswith("oauth.")}


def test_what_records_name_is_known(app: Flask, modules: list[ast.Module]) -> None:
    """Whatever has the shape of an operation is one, or something else that is known to have it."""
    acts = acts_of_operators(modules)
    columns = {str(column) for table in metadata.tables.values() for column in table.columns}
    others = {*acts, *columns, *EventType, *NoticeTopic, *app.view_functions}
    written = {word for word in set().union(*map(words, modules)) - others if not OF_MACHINES.fullmatch(word)}

    recorded = written | named_by_requests(app) | {f"requests.{action}" for action in RequestAction}

    assert recorded - set(OPERATIONS) == set()
    assert set(OPERATIONS) - recorded - acts == set()
