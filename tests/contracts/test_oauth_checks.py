"""The black-box checks of the OAuth endpoints: every number is there, once, in the file of its heading."""

import ast
import re
from collections import defaultdict
from pathlib import Path

CHECKS = Path(__file__).parents[1] / "journeys" / "oauth_checks"
FILES = {
    "test_client_secrets": range(1, 9),
    "test_client_assertions": range(9, 20),
    "test_token_endpoint": range(20, 28),
    "test_authorization_endpoint": range(28, 35),
    "test_codes": range(35, 41),
    "test_refresh": range(41, 48),
    "test_revocation_and_metadata": range(48, 54),
    "test_resource_server": range(54, 63),
    "test_token_exchange": range(63, 66),
    "test_bound_tokens": range(66, 69),
}
"""Where to look for check N."""
ABOVE_HTTP = {"Database", "FlaskClient", "Flask", "Engine"}
"""What a check must not be handed: it speaks HTTP, and what it sets up goes through the target's operator."""


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]


def test_every_check_is_there_in_its_file_and_in_order() -> None:
    found: dict[str, list[int]] = defaultdict(list)
    for path in sorted(CHECKS.glob("test_*.py")):
        for function in functions(path):
            number = re.match(r"test_check_(\d\d)_[a-z]", function.name)
            if function.name.startswith("test_"):
                assert number is not None, function.name
                found[path.stem].append(int(number[1]))

    assert {name: sorted(set(numbers)) for name, numbers in found.items() if name in FILES} == {
        name: list(numbers) for name, numbers in FILES.items()
    }
    assert all(numbers == sorted(numbers) for numbers in found.values())


def test_checks_speak_http_only() -> None:
    for path in CHECKS.glob("test_*.py"):
        for function in functions(path):
            asked = {ast.unparse(each.annotation) for each in function.args.args if each.annotation is not None}
            assert not asked & ABOVE_HTTP, (path.name, function.name)
