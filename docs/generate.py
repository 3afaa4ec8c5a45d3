"""Writes what the documents repeat of the code: `docs/policy.md`, and the table of settings in `docs/operations.md`."""  # noqa: INP001 - a script

import re
import sys
from pathlib import Path

from gateway.settings import SETTINGS
from serializers.policies import DOCUMENT, VERSION
from serializers.policy.publish import markdown

DOCS = Path(__file__).parent
_PART = re.compile(r"(<!-- generated: settings -->\n).*?(<!-- end -->)", re.DOTALL)


def generated() -> dict[Path, str]:
    """Each document that is generated, whole or in part, as it should be."""
    operations = DOCS / "operations.md"
    return {
        DOCS / "policy.md": markdown(DOCUMENT, VERSION),
        operations: _PART.sub(rf"\1{_settings()}\2", operations.read_text()),
    }


def _settings() -> str:
    lines = [f"| `{setting.name}` | {setting.default} | {setting.meaning} |" for setting in SETTINGS]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *lines, ""])


def main() -> None:
    """Write them; with `--check` only say which are out of date, with exit status 1."""
    stale = {path: text for path, text in generated().items() if not path.exists() or path.read_text() != text}
    if "--check" in sys.argv:
        sys.exit("\n".join(f"{path.name} is out of date: make docs" for path in stale) or 0)
    for path, text in stale.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
