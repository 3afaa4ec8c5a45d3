"""Rules of addresses that are ready to be matched at once, and to be written once one is."""

from collections.abc import Callable

from werkzeug.routing import Rule


class MatchedRule(Rule):
    """A rule whose writer of addresses is compiled when it first writes one: most never do, and it takes longest."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002 - Werkzeug's signature
        compiled: Callable[..., tuple[str, str]] | None = None

        def build(rule: Rule, **values: object) -> tuple[str, str]:
            nonlocal compiled
            if compiled is None:
                compiled = super(MatchedRule, self)._compile_builder(append_unknown)
            return compiled(rule, **values)

        return build
