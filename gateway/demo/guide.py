"""The lines that the demo prints: each works as it stands, in sh and in bash, as often as it is pasted."""

import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from gateway.demo.cast import HEROINE, OPTED_OUT, OWL
from gateway.demo.credentials import SignIn
from gateway.demo.members import members
from gateway.settings import USUAL_ISSUER
from partners.months import month_of, next_month

PRETTY = "python3 -m json.tool"
HEADING = """Member Data Gateway: the demo of {day}, at {url}
Paste these lines into another terminal, in this directory."""
ELSEWHERE = """# Other commands of the gateway, such as `people add`, need to know where it is:
export GATEWAY_ISSUER={url}"""
CONSOLE = """# The security team's console: {url}/console
#    Sign in as {name} with the password {password} and a code; each code works once, for half a minute.
{gateway} demo code"""
FOOTING = """The server's own log follows, one line a request. Stop with Ctrl-C; nothing is lost by it."""


@dataclass(frozen=True)
class Scene:
    """What differs from demo to demo: where and since when it is served, the owl's ref, and who signs in."""

    url: str
    day: date
    ref: str
    console: SignIn | None = None

    @property
    def month(self) -> date:
        """The month in which a member bought after opting out: its statement is final, and above its statistics."""
        (gate,) = (member for member in members(self.day) if member.id == OPTED_OUT.id)
        return month_of(gate.purchases[-1].at)

    @property
    def blanks(self) -> dict[str, str]:
        """What fills the blanks of a path."""
        last = next_month(self.month) - timedelta(days=1)
        return {"ref": self.ref, "month": f"{self.month:%Y-%m}", "first": f"{self.month}", "last": f"{last}"}


@dataclass(frozen=True)
class Step:
    """One line to paste, what it does, and what to look at in its answer."""

    title: str
    look: str
    whom: str
    path: str
    scope: str | None = None
    curl_options: str = ""
    pretty: bool = True

    def command(self, scene: Scene, gateway: str) -> str:
        """The line."""
        token = f"{gateway} demo token {self.whom}" + (f" --scope '{self.scope}'" if self.scope else "")
        address = scene.url + self.path.format_map(scene.blanks)
        line = f"curl -sS '{address}' -H \"Authorization: Bearer $({token})\"{self.curl_options}"
        return f"{line} | {PRETTY}" if self.pretty else line


WEBMASTER, MODEL = "webmaster:northlight", f"model:{HEROINE}"
CARD = f"/v1/model/members/{OWL.username}"
PRIVACY = f"/v1/platform/members/{OWL.id}/privacy"


def _patch(settings: str) -> str:
    return f" -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{settings}'"


STEPS = (
    Step(
        "A webmaster lists the members one of its campaigns brought",
        "Six facts each, and no more. Only what is never withheld can be filtered or sorted by: try sort=username.",
        WEBMASTER,
        "/v1/webmaster/members?campaign=spring&limit=2",
    ),
    Step(
        "One of them, by reference",
        "Another webmaster has another reference for the same member, and gets a 404 for this one.",
        WEBMASTER,
        "/v1/webmaster/members/{ref}",
    ),
    Step("Its campaigns", "Its own, and nobody else's.", WEBMASTER, "/v1/webmaster/campaigns"),
    Step(
        "Its statistics of a month",
        "Clicks and registrations stand where `currency` is null, money on the row of its currency.",
        WEBMASTER,
        "/v1/webmaster/stats?from={first}&to={last}&group_by=campaign",
    ),
    Step(
        "What it is owed for that month",
        f"More than the `income` above: {OPTED_OUT.username} and others bought after withdrawing, and are paid for.",
        WEBMASTER,
        "/v1/webmaster/statements?month={month}",
    ),
    Step(
        "A model opens the card of the same member",
        "She sees the mask because they chatted privately; three items of the profile need a scope of their own.",
        MODEL,
        CARD,
    ),
    Step(
        "The card with that scope",
        "`sexual_preferences`, `turn_ons` and `dislikes` are there.",
        MODEL,
        CARD,
        scope="cards:read cards.sensitive:read",
    ),
    Step(
        "The member makes the profile private, and the mask",
        "The answer holds all settings of this member.",
        "platform",
        PRIVACY,
        curl_options=_patch('{"profile_visibility": "private", "mask_visibility": "private"}'),
    ),
    Step(
        "The very next card",
        "All eleven items and the mask are null, exactly as if they had never been set.",
        MODEL,
        CARD,
    ),
    Step(
        "The member changes back",
        "Ask for the card once more.",
        "platform",
        PRIVACY,
        curl_options=_patch('{"profile_visibility": "all_models", "mask_visibility": "private_chatted"}'),
    ),
    Step(
        "The security team asks who opened this member's card",
        "Which fields were released or withheld, and why. Never a value.",
        "auditor",
        f"/v1/audit/accesses?member={OWL.id}&operation=card.get&limit=2",
    ),
    Step(
        "Denied: a model's token on the path of webmasters",
        "403 insufficient_scope; with no token at all it would be 401.",
        MODEL,
        "/v1/webmaster/members",
        curl_options=" -i",
        pretty=False,
    ),
    Step(
        "The security team finds the denial",
        "Who was denied what, when, from where, and for which reason.",
        "auditor",
        "/v1/audit/accesses?outcome=denied&limit=1",
    ),
)
WHY = (
    f"Why a webmaster does not see {OPTED_OUT.username}",
    "Each field with its verdict; no value is read to tell it.",
    f"policy explain --as {WEBMASTER} --member {OPTED_OUT.id}",
)


def lines(scene: Scene) -> Iterator[tuple[str, str, str]]:
    """Title, what to look at, and the line to paste."""
    gateway = gateway_command()
    for step in STEPS:
        yield step.title, step.look, step.command(scene, gateway)
    title, look, arguments = WHY
    yield title, look, f"{gateway} {arguments}"


def text(scene: Scene) -> str:
    """What people read: headings are comments, so that whole blocks can be pasted too."""
    blocks = [f"# {n}. {title}\n#    {look}\n{line}" for n, (title, look, line) in enumerate(lines(scene), 1)]
    heading, elsewhere = HEADING.format(url=scene.url, day=scene.day), ELSEWHERE.format(url=scene.url)
    where = [] if scene.url == USUAL_ISSUER else [elsewhere]
    return "\n\n".join([heading, *blocks, *_console(scene), *where, FOOTING])


def _console(scene: Scene) -> list[str]:
    held = scene.console
    if held is None:
        return []
    gateway = gateway_command()
    return [CONSOLE.format(url=scene.url, name=held.name, password=held.password, gateway=gateway)]


def document(scene: Scene) -> dict[str, object]:
    """What scripts read."""
    said = [{"title": title, "look": look, "command": line} for title, look, line in lines(scene)]
    held = scene.console
    console = {"address": f"{scene.url}/console", "name": held.name, "password": held.password} if held else None
    return {"url": scene.url, "day": scene.day, "lines": said, "console": console}


def gateway_command() -> str:
    """How this program was called, such that it works again from here."""
    called = Path(sys.argv[0])
    beside = Path(sys.prefix) / "bin" / "gateway"
    program = beside if beside.exists() else called
    try:
        shown = str(program.relative_to(Path.cwd()))
    except ValueError:
        shown = str(program)
    data_dir = os.environ.get("GATEWAY_DATA_DIR")
    prefix = f"GATEWAY_DATA_DIR={shlex.quote(str(Path(data_dir).resolve()))} " if data_dir else ""
    return prefix + shlex.quote(shown)
