"""A search of the access log as asked over HTTP: what to look for, and the policies that explain what is found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from gateway.problems import Fault, invalid_request
from gateway.runtime import runtime
from partners.access_log.search import Search, policy_documents
from serializers.policy.recorded import Policies
from serializers.search_language import QueryError
from serializers.searches import UnknownFieldError, search_of


@dataclass(frozen=True)
class Asked:
    """A search and what explains its findings."""

    search: Search | None
    """None where no entry can match."""
    policies: Policies


def asked_of(connection: Connection, query: Mapping[str, Any]) -> Asked:
    """Read a loaded `SearchQuery`; raise the problem where it names what there never was."""
    policies = Policies(policy_documents(connection))
    try:
        return Asked(search_of(connection, query, policies, runtime().references), policies)
    except UnknownFieldError:
        raise invalid_request(
            Fault("unknown_field", "No policy has a field of this name.", parameter="field")
        ) from None
    except QueryError as error:
        faults = (Fault("invalid_search", mistake.text, parameter="q") for mistake in error.mistakes)
        raise invalid_request(*faults) from None
