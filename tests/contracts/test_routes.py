"""Every route has a guard, or stands on the short list of those that show nobody's data."""

from flask import Flask

from gateway.oauth.guard import Guard
from partners.vocabulary import SCOPES_OF_KIND, Scope

OPEN_TO_EVERYONE = {
    "/account/set-up",
    "/account/sign-in",
    "/.well-known/oauth-authorization-server",
    "/.well-known/oauth-protected-resource",
    "/docs",
    "/docs/assets/<name>",
    "/docs/problems",
    "/healthz",
    "/metrics",
    "/oauth/authorize",
    "/oauth/introspect",
    "/oauth/jwks",
    "/oauth/par",
    "/oauth/revoke",
    "/oauth/token",
    "/readyz",
    "/v1/openapi.json",
}


FOR_PEOPLE = {"/account", "/account/sign-out", "/account/withdraw", "/oauth/consent"}
"""Pages that somebody must be signed in for."""
CONSOLE = "/console"
"""Where every page is for people of auditors."""


def guards(app: Flask) -> dict[str, Guard | None]:
    return {rule.rule: getattr(app.view_functions[rule.endpoint], "guard", None) for rule in app.url_map.iter_rules()}


def test_every_route_is_guarded_or_listed_as_open(app: Flask) -> None:
    """R26."""
    unguarded = {path for path, guard in guards(app).items() if guard is None}

    assert {path for path in unguarded if not path.startswith(CONSOLE)} == OPEN_TO_EVERYONE | FOR_PEOPLE
    assert not any(path.startswith(CONSOLE) for path in guards(app).keys() - unguarded)


def test_pages_for_people_send_everybody_else_to_sign_in(app: Flask) -> None:
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if rule.rule in FOR_PEOPLE or rule.rule.startswith(CONSOLE):
            for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
                answer = client.open(rule.rule, method=method)

                assert answer.status_code == 303, rule.rule
                address, _, ticket = answer.headers["Location"].partition("?request=")
                assert address == "/account/sign-in"
                assert bool(ticket) == (rule.rule.startswith(CONSOLE) and method == "GET")


def test_tools_get_to_the_sums_of_webmasters_alone(app: Flask) -> None:
    """Contract 1: a tracker acts as the webmaster who consented, for `stats:read` only."""
    let_in = {path: guard for path, guard in guards(app).items() if guard is not None and guard.for_tools}

    assert set(let_in) == {"/v1/webmaster/campaigns", "/v1/webmaster/statements", "/v1/webmaster/stats"}
    assert {guard.scope for guard in let_in.values()} == {Scope.STATS_READ}


def test_every_guard_asks_for_a_scope_that_its_audience_may_hold(app: Flask) -> None:
    for path, guard in guards(app).items():
        if guard is not None:
            assert guard.scope in SCOPES_OF_KIND[guard.kind], path


def test_releasing_paths_leave_the_standing_to_their_statement_and_all_others_ask_it(app: Flask) -> None:
    releasing = {path for path, guard in guards(app).items() if guard is not None and not guard.live}

    assert releasing == {
        "/v1/model/members",
        "/v1/model/members/<username>",
        "/v1/model/members/<username>/spending",
        "/v1/model/members/batch",
        "/v1/webmaster/campaigns",
        "/v1/webmaster/members",
        "/v1/webmaster/members/<ref>",
        "/v1/webmaster/purchases",
        "/v1/webmaster/statements",
        "/v1/webmaster/stats",
    }


def test_without_a_token_every_guarded_path_is_401(app: Flask) -> None:
    """R26: a bare challenge, and the refusal is in the log."""
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        if getattr(app.view_functions[rule.endpoint], "guard", None) is None:
            continue
        path = rule.rule.replace("<", "").replace(">", "")
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answer = client.open(path, method=method)

            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
            assert "error" not in answer.headers["WWW-Authenticate"]
            assert "resource_metadata=" in answer.headers["WWW-Authenticate"]
