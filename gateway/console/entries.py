"""One entry of the log: every field with its reasons, the exact bytes that are sealed, and the proof that they are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, request
from sqlalchemy import Connection, Row

from gateway.account.pages import PageError
from gateway.auditing.entries import found_entry, members_of_entry, proved
from gateway.console.auditors import Auditor, blueprint, console_page, for_auditors
from gateway.runtime import runtime
from partners.access_log.merkle import leaf_hash
from partners.access_log.policy_versions import policy_documents
from partners.access_log.proofs import said_against
from serializers.audit import entry_member, whole_entry
from serializers.fields_told import explained
from serializers.policy.recorded import Policies

OPERATION, PROOF = "audit.get", "audit.proof"
MEMBERS = 50


@blueprint.get("/entries/<access_id>")
@for_auditors(OPERATION, needs_case=True)
def show_entry(auditor: Auditor, access_id: str) -> Response:
    """An entry with everything that is known of it."""
    after = _after(auditor, access_id)
    with runtime().database.write.begin() as connection:
        members = members_of_entry(connection, access_id, after=after, limit=MEMBERS + 1)
        looked = partial(auditor.look, connection, OPERATION)
        row = found_entry(connection, access_id, looked, shown=members[:MEMBERS])
        told = _told(connection, row) if row is not None else None
    if row is None or told is None:
        raise _unknown()
    next_cursor = _next(auditor, access_id, members)
    explained_members = [entry_member(member, told["policies"], row) for member in members[:MEMBERS]]
    return console_page(auditor, "entry.html", row=row, members=explained_members, next_cursor=next_cursor, **told)


def _told(connection: Connection, row: Row[Any]) -> dict[str, Any]:
    policies = Policies(policy_documents(connection))
    entry = whole_entry(row, policies, proved(connection, row))
    return {
        "entry": entry,
        "policies": policies,
        "fields": explained(entry, policies.explainer(row.policy_version, row.operation)),
        "changed": _changed(connection, row.sealed_index),
        "leaf": row.leaf.decode(errors="replace"),
        "leaf_hash": leaf_hash(row.leaf).hex(),
    }


def _changed(connection: Connection, sealed_index: int | None) -> list[str]:
    return [] if sealed_index is None else list(said_against(connection, sealed_index, datetime.now(UTC)))


@blueprint.get("/entries/<access_id>/proof")
@for_auditors(PROOF, needs_case=True)
def take_proof(auditor: Auditor, access_id: str) -> Response:
    """The entry as a `.tlog-proof`: its exact bytes, its path and the checkpoint, whole without us."""
    with runtime().database.write.begin() as connection:
        row = found_entry(connection, access_id, partial(auditor.look, connection, PROOF))
        inclusion = proved(connection, row) if row is not None else None
    if row is None:
        raise _unknown()
    if inclusion is None and row.sealed_index is not None:
        raise PageError(HTTPStatus.CONFLICT, "There is no proof any more", "The log is not what was sealed.")
    if inclusion is None:
        raise PageError(HTTPStatus.CONFLICT, "There is no proof yet", "Entries are sealed within two seconds.")
    return _file(inclusion.file(row.leaf).encode(), f"{access_id}.tlog-proof")


@blueprint.get("/entries/<access_id>/leaf")
@for_auditors(PROOF, needs_case=True)
def take_leaf(auditor: Auditor, access_id: str) -> Response:
    """The exact bytes that are sealed."""
    with runtime().database.write.begin() as connection:
        row = found_entry(connection, access_id, partial(auditor.look, connection, PROOF))
    if row is None:
        raise _unknown()
    return _file(row.leaf, f"{access_id}.json")


def _file(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, content_type="application/octet-stream")


def _unknown() -> PageError:
    return PageError(HTTPStatus.NOT_FOUND, "There is no such entry", "Its id is acc_ and 32 hexadecimal digits.")


def _bound(auditor: Auditor, access_id: str) -> dict[str, str]:
    return {"person": auditor.person.id, "access": access_id}


def _after(auditor: Auditor, access_id: str) -> int:
    bound_to = _bound(auditor, access_id)
    position = runtime().cursors.open(request.args.get("after"), bound_to=bound_to, parameter="after")
    return int(position[0]) if position else 0


def _next(auditor: Auditor, access_id: str, members: Sequence[Row[Any]]) -> str | None:
    if len(members) <= MEMBERS:
        return None
    return runtime().cursors.seal([members[MEMBERS - 1].member], bound_to=_bound(auditor, access_id))
