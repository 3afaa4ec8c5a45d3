"""The versions of the policy, each as a matrix, and what changed from one to another."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, request
from sqlalchemy import Row

from gateway.account.pages import PageError
from gateway.console.auditors import Auditor, blueprint, console_page, for_auditors
from gateway.runtime import runtime
from partners.access_log.policy_versions import versions
from partners.vocabulary import Outcome, Reason
from serializers.policy.differences import differences

OPERATION = "audit.policies"


@blueprint.get("/policies")
@for_auditors(OPERATION)
def policies(auditor: Auditor) -> Response:
    """The versions there are; a `version` in full, or what is different in it from the one `before`."""
    asked = {name: request.args[name] for name in ("version", "before") if request.args.get(name)}
    with runtime().database.write.begin() as connection:
        known = {row.version: row for row in versions(connection)}
        is_known = known.keys() >= set(asked.values())
        status, reason = (HTTPStatus.OK, None) if is_known else (HTTPStatus.NOT_FOUND, Reason.UNKNOWN)
        outcome = Outcome.RELEASED if is_known else Outcome.NOT_FOUND
        auditor.look(connection, OPERATION, outcome=outcome, status=status, reason=reason)
    if not is_known:
        raise PageError(
            status, "There is no such version", "Versions are 12 hexadecimal digits; the list has all of them."
        )
    return console_page(auditor, "policies.html", **_told(known, **asked))


def _told(known: Mapping[str, Row[Any]], version: str | None = None, before: str | None = None) -> dict[str, Any]:
    newest = next(iter(known), None)
    shown = known.get(version or newest or "")
    older = known.get(before or "")
    changes = differences(older.document, shown.document) if shown is not None and older is not None else None
    return {"versions": list(known.values()), "shown": shown, "older": older, "changes": changes}
