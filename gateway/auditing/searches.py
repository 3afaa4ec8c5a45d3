"""A search of the access log as asked over HTTP: what to look for, and the policies that explain what is found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.http.problems import Fault, invalid_request
from gateway.runtime import runtime
from partners.access_log.policy_versions import policy_documents
from partners.access_log.search import Search
from serializers.policy.recorded import Policies
from serializers.search.language import Mistake, QueryError
from serializers.search.searches import search_of


@dataclass(frozen=True)
class Asked:
    """A search and what explains its findings."""

    search: Search | None
    """None where no entry can match."""
    policies: Policies


def asked_of(connection: Connection, query: Mapping[str, Any]) -> Asked:
    """Read a loaded `SearchQuery`; raise the problem where it names what there never was."""
    policies, faults = Policies(policy_documents(connection)), []
    if "field" in query and not policies.knows_field(query["field"]):
        faults.append(Fault("unknown_field", "No policy has a field of this name.", parameter="field"))
    search: Search | None = None
    readable = {name: value for name, value in query.items() if name != "field" or not faults}
    try:
        search = search_of(connection, readable, policies, runtime().references)
    except QueryError as error:
        faults += [_fault(mistake) for mistake in error.mistakes]
    if faults:
        raise invalid_request(*faults)
    return Asked(search, policies)


def _fault(mistake: Mistake) -> Fault:
    if mistake.parameter == "q":
        return Fault("invalid_search", mistake.text, parameter="q")
    return Fault("invalid_value", mistake.text, parameter=mistake.parameter)
