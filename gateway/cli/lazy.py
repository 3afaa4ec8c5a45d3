"""Groups of commands, also such as import each when it is asked for: what one needs, the others do not wait for."""

import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

_LOGGING = "structlog"


class Group(click.Group):
    """A group that says the whole first sentence of each command, on as many lines as it takes."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with what each says of itself."""
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(sys.maxsize)) for name, each in commands if each])


class Lazy(Group):
    """A group that knows of its commands where each is, `module:name`, and may know what each says of itself."""

    def __init__(
        self, *args: Any, places: Mapping[str, str], summaries: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        """Take both by the names of the commands; with `summaries` no command is imported to list them."""
        super().__init__(*args, **more)
        self._places = places
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every command, in order."""
        return sorted({*self._places, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import what holds a command."""
        if cmd_name not in self._places:
            return super().get_command(ctx, cmd_name)
        command: click.Command = loaded(self._places[cmd_name])
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with what is known of them."""
        if self._summaries is None:
            super().format_commands(ctx, formatter)
            return
        with formatter.section("Commands"):
            formatter.write_dl(sorted(self._summaries.items()))


@contextmanager
def importing() -> Iterator[None]:
    """Look for no cycles meanwhile, nor ever in what was imported: it stays, and looking through it takes a third."""
    was_enabled, modules = gc.isenabled(), len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > modules:
            gc.freeze()
        if was_enabled:
            gc.enable()


def loaded(place: str) -> Any:  # noqa: ANN401 - whatever is there
    """Import what stands at `module:name`; if it logs, it does so as the server does."""
    module, _, name = place.partition(":")
    with importing():
        found = getattr(import_module(module), name)
    # Most commands log nothing, and do without what writes the lines: it takes a tenth of a second to import.
    if _LOGGING in sys.modules:
        import_module("gateway.observability.log_lines").configure()
    return found
