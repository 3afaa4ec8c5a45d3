"""Writes what the documents repeat of the code: whole, or the parts between marks."""  # noqa: INP001 - a script

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from gateway.cli import main as gateway
from gateway.http.codes import (
    ABOUT_FAULTS,
    ABOUT_FEED_ERRORS,
    ABOUT_PROBLEMS,
    ABOUT_REASONS,
    CODES,
    FAULTS,
    FEED_ERRORS,
    PROBLEMS,
    REASONS,
    SCOPES,
)
from gateway.observability import log_figures, notice_figures, sink_figures
from gateway.observability.metrics import counted
from gateway.settings import SETTINGS
from partners.detections.rules import RULES
from serializers.policies import DOCUMENT, VERSION
from serializers.policy.publish import markdown
from serializers.webhooks import TOPICS

DOCS = Path(__file__).parent
FLOORS = ("gateway", "serializers", "partners")
_RULE = re.compile(r"\bR[1-9][0-9]?\b")
_PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def generated() -> dict[Path, str]:
    """Each document that is generated, whole or in part, as it should be."""
    with_parts = (DOCS / name for name in ("operations.md", "detections.md", "rules.md", "webhooks.md"))
    return {
        DOCS / "policy.md": markdown(DOCUMENT, VERSION),
        DOCS / "problems.md": "\n".join(_problems()),
        DOCS / "commands.md": "\n".join(_commands()),
        **{path: _with_parts(path.read_text()) for path in with_parts},
    }


def _with_parts(text: str) -> str:
    parts = {"settings": _settings, "rules": _rules, "metrics": _metrics, "obeyed": _obeyed, "topics": _topics}
    return _PART.sub(lambda part: f"{part[1]}{parts[part[2]]()}{part[3]}", text)


def _settings() -> str:
    rows = [(setting.name, setting.default, setting.meaning) for setting in SETTINGS]
    return "\n".join([*_table(("name", "default", "meaning"), rows), ""])


def _metrics() -> str:
    told = counted() | log_figures.FIGURES | sink_figures.FIGURES | notice_figures.FIGURES
    return "\n".join([*_table(("figure", "meaning"), told.items()), ""])


def _obeyed() -> str:
    """Each rule with the files of the three floors that cite it."""
    cited: dict[str, list[str]] = {}
    for path in sorted(path for floor in FLOORS for path in (DOCS.parent / floor).rglob("*.py")):
        for rule in sorted(set(_RULE.findall(path.read_text()))):
            cited.setdefault(rule, []).append(f"`{path.relative_to(DOCS.parent)}`")
    known = _RULE.findall((DOCS / "rules.md").read_text())
    in_order = sorted(set(known), key=lambda rule: int(rule[1:]))
    rows = [(rule, ", ".join(cited.get(rule, ["nothing to do: see the tests"]))) for rule in in_order]
    return "\n".join([*_table(("rule", "files"), rows), ""])


def _rules() -> str:
    rows = [(rule.name, rule.says, rule.pages) for rule in RULES]
    return "\n".join([*_table(("rule", "tells", "pages"), rows), ""])


def _topics() -> str:
    return "\n".join([*_table(("type", "what to do"), TOPICS.items()), ""])


def _problems() -> Iterator[str]:
    yield from ("# Codes", "", *_wrapped(CODES), "", "## Problems", "", *_wrapped(ABOUT_PROBLEMS), "")
    for status, problems in PROBLEMS.items():
        for slug, meaning in problems.items():
            yield from (f"### {slug}", "", *_wrapped(f"{int(status)}. {meaning}"), "")
    yield from ("## Faults of a request", "", *_wrapped(ABOUT_FAULTS), "")
    yield from _table(("code", "meaning"), FAULTS.items())
    yield from ("", "## Scopes", "", *_table(("scope", "held by", "opens"), ((s, *use) for s, use in SCOPES.items())))
    yield from ("", "## Reasons", "", *_wrapped(ABOUT_REASONS), "")
    yield from _table(("reason", "of", "meaning"), ((reason, *use) for reason, use in REASONS.items()))
    yield from ("", "## The feed", "", *_wrapped(ABOUT_FEED_ERRORS), "")
    yield from (*_table(("code", "meaning"), FEED_ERRORS.items()), "")


def _commands() -> Iterator[str]:
    about = "As `--help` says it; what each command is for stands in [operations.md](operations.md#commands)."
    yield from ("# Commands and options", "", *_wrapped(about), "")
    for path, command in _leaves(gateway, "gateway"):
        context = click.Context(command, info_name=path)
        options = [each.get_help_record(context) for each in command.params if isinstance(each, click.Option)]
        yield from (f"## `{' '.join((path, *command.collect_usage_pieces(context)))}`", "")
        yield from (*_wrapped(" ".join((command.help or "").split())), "")
        yield from (f"- `{names}`: {meaning}".removesuffix(": ") for names, meaning in filter(None, options))
        yield ""


def _leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something by itself, with its name, by which they are in order."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in sorted(command.list_commands(context)):
            found = command.get_command(context, name)
            if found is not None:
                yield from _leaves(found, f"{path} {name}")


def _table(names: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    head = list(names)
    yield from (f"| {' | '.join(head)} |", "|" + "---|" * len(head))
    for name, *rest in rows:
        yield f"| {' | '.join((f'`{name}`', *rest))} |"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False)


def main() -> None:
    """Write them; with `--check` only say which are out of date, with exit status 1."""
    stale = {path: text for path, text in generated().items() if not path.exists() or path.read_text() != text}
    if "--check" in sys.argv:
        sys.exit("\n".join(f"{path.name} is out of date: make docs" for path in stale) or 0)
    for path, text in stale.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
