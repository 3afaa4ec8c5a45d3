"""What the security team asks: who received which fields of whom, when, and why not more."""

from dataclasses import replace
from functools import partial
from typing import Any

from flask import Response

from gateway.api.arguments import ApiBlueprint
from gateway.auditing.entries import found_entry, members_of_entry, proved
from gateway.auditing.looks import guard_of, look
from gateway.auditing.searches import asked_of
from gateway.http import patience
from gateway.http.cursors import place_at, position_at
from gateway.http.envelope import answer
from gateway.http.paging import asked_alike, page_of
from gateway.http.problems import not_found
from gateway.oauth.caller import Caller
from gateway.oauth.guard import guarded_by
from gateway.runtime import runtime
from partners.access_log import search as log
from partners.access_log.policy_versions import policy_documents
from partners.vocabulary import Outcome
from serializers.audit import AccessesQuery, MembersQuery, entry, entry_member, whole_entry
from serializers.policy.recorded import Policies
from serializers.queries import NoQuery, but_the_page

blueprint = ApiBlueprint("audit", __name__, url_prefix="/v1/audit")


SEARCH, GET, MEMBERS = guard_of("audit.search"), guard_of("audit.get"), guard_of("audit.members")


@blueprint.route("/accesses")
@guarded_by(SEARCH)
@blueprint.arguments(AccessesQuery, location="query")
def search_accesses(caller: Caller, query: dict[str, Any]) -> Response:
    """Entries that match everything asked, newest first."""
    bound_to = asked_alike(SEARCH, caller, but_the_page(query))
    position = runtime().cursors.open(query.get("cursor"), bound_to=bound_to)
    with runtime().database.write.begin() as connection:
        asked = asked_of(connection, query)
        log.wait_until_readable(connection)
        with patience.searching():
            search = replace(asked.search, after=place_at(position)) if asked.search else None
            rows = log.find(connection, search, limit=query["limit"] + 1) if search else []
        about = asked.search.asks_about if asked.search else ()
        look(connection, SEARCH, caller, outcome=Outcome.RELEASED if rows else Outcome.EMPTY, members=about)
    said, page = page_of(rows, query["limit"], position=lambda row: position_at(row.at, row.id), bound_to=bound_to)
    return answer({"data": [entry(row, asked.policies) for row in said], "page": page})


@blueprint.route("/accesses/<access_id>")
@guarded_by(GET)
@blueprint.arguments(NoQuery, location="query")
def get_access(caller: Caller, _query: dict[str, Any], access_id: str) -> Response:
    """One entry, with the exact bytes that are sealed and the proof that they are; within two seconds they are."""
    with runtime().database.write.begin() as connection:
        shown = members_of_entry(connection, access_id, after=0, limit=log.MEMBERS_SHOWN)
        row = found_entry(connection, access_id, partial(look, connection, GET, caller), shown=shown)
        policies = Policies(policy_documents(connection))
        inclusion = proved(connection, row) if row else None
    if row is None:
        raise not_found()
    return answer({"data": whole_entry(row, policies, inclusion)})


@blueprint.route("/accesses/<access_id>/members")
@guarded_by(MEMBERS)
@blueprint.arguments(MembersQuery, location="query")
def list_access_members(caller: Caller, query: dict[str, Any], access_id: str) -> Response:
    """Everyone an entry is about, each with the fields released and the reasons for those withheld."""
    bound_to = asked_alike(MEMBERS, caller, {"access": access_id})
    after = (runtime().cursors.open(query.get("cursor"), bound_to=bound_to) or [0])[0]
    with runtime().database.write.begin() as connection:
        members = members_of_entry(connection, access_id, after=after, limit=query["limit"] + 1)
        looked = partial(look, connection, MEMBERS, caller)
        row = found_entry(connection, access_id, looked, shown=members[: query["limit"]])
        policies = Policies(policy_documents(connection))
    if row is None:
        raise not_found()
    said, page = page_of(members, query["limit"], position=lambda each: [each.member], bound_to=bound_to)
    return answer({"data": [entry_member(member, policies, row) for member in said], "page": page})
