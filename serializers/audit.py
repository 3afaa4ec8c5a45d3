"""What auditors read: entries of the access log in full, their verdicts explained by the policies that made them."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from ipaddress import IPv4Interface, IPv6Interface
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range
from sqlalchemy import Row

from partners.access_log.checkpoints import read_checkpoint
from partners.access_log.following import START, Followed
from partners.access_log.identifiers import ACCESS_PREFIX, public
from partners.access_log.merkle import Hash
from partners.access_log.proofs import Inclusion
from partners.access_log.summary import LARGEST_COUNT, LARGEST_VERDICT
from partners.vocabulary import Outcome, Reason
from serializers.answers import Access
from serializers.lines import CsvLines, Lines, NdjsonLines
from serializers.policy.recorded import Policies
from serializers.policy.shapes import instant
from serializers.queries import Cursor, Digits, PageSize, Period
from serializers.search.language import LONGEST_QUERY
from serializers.siem.cef import CefLines
from serializers.siem.ocsf import OcsfLines

LONGEST_TERM = 255
LARGEST_SIZE = 2**63 - 1
MOST_FOLLOWED = 1_000
LONGEST_WAIT_S = 10
TERMS = ("partner", "client", "model", "operation", "outcome")
"""Parameters that mean what a term of the same name does in `q`: a value that there is not is refused, too."""


class Term(fields.String):
    """A text to look for; PostgreSQL cannot hold NUL, so nothing will ever be found with it."""

    def __init__(self, meaning: str) -> None:
        """At most 255 characters."""
        super().__init__(validate=[Length(1, LONGEST_TERM), _without_nul], metadata={"description": meaning})


def _without_nul(text: str) -> None:
    if "\0" in text:
        raise ValidationError("Holds a NUL character.")


def _without_zone(network: IPv4Interface | IPv6Interface) -> None:
    if getattr(network, "scope_id", None) is not None:
        raise ValidationError("Has a zone, which means something on one machine alone.")


class SearchQuery(Period):
    """What to search the access log for; everything given must apply."""

    partner = Term("Who asked, by the partner's id.")
    client = Term("Who asked, by the client's id.")
    model = Term("For which model, by her id.")
    member = Term("About whom, by the platform's id.")
    operation = Term("What was asked, such as `members.list` or `card.*`.")
    outcome = fields.String(validate=OneOf(list(Outcome)), metadata={"description": "What became of it."})
    field = Term("A field that was released; with `reason` one that was withheld for it.")
    reason = fields.String(validate=OneOf(list(Reason)), metadata={"description": "Why something was withheld."})
    ip = fields.IPInterface(validate=_without_zone, metadata={"description": "From which address or network."})
    request_id = Term("In which request.")
    ref = Term("About whom, by the ref that `partner` has for the member.")
    q = fields.String(
        validate=Length(1, LONGEST_QUERY),
        metadata={"description": "Terms that must apply too, such as `-outcome:released ip:192.0.2.0/24 at:2026-10`."},
    )

    @validates_schema(skip_on_field_errors=False)
    def _ref_needs_its_partner(self, query: dict[str, Any], **_: Any) -> None:
        if "ref" in query and "partner" not in query:
            raise ValidationError("A ref means something for its partner alone: give `partner` too.", "ref")


class AccessesQuery(SearchQuery):
    """The parameters of a search, page by page."""

    limit = PageSize(load_default=50)
    cursor = Cursor()


class ExportForm(StrEnum):
    """The forms an export comes in."""

    NDJSON = "ndjson"
    CSV = "csv"
    OCSF = "ocsf"
    CEF = "cef"


class ExportQuery(SearchQuery):
    """The parameters of an export: a search without pages."""

    form = fields.Enum(ExportForm, by_value=True, data_key="format", load_default=ExportForm.NDJSON)


class StreamForm(StrEnum):
    """The forms the stream comes in: every line is an entry, and nothing else."""

    NDJSON = "ndjson"
    OCSF = "ocsf"
    CEF = "cef"


class Index(Digits):
    """The index of an entry, or that before the first."""

    def _deserialize(self, value: object, *place: Any, **more: Any) -> int:
        return START if value == str(START) else super()._deserialize(value, *place, **more)


class StreamQuery(Schema):
    """The parameters of a pull."""

    after = Index(
        load_default=START,
        validate=Range(START, LARGEST_SIZE),
        metadata={"description": "The index of the last entry that you have; without it, from the first on."},
    )
    limit = PageSize(most=MOST_FOLLOWED, load_default=500)
    wait = Digits(
        load_default=0,
        validate=Range(0, LONGEST_WAIT_S),
        metadata={"description": "For how many seconds to wait where there is no news."},
    )
    form = fields.Enum(StreamForm, by_value=True, data_key="format", load_default=StreamForm.NDJSON)


class ConsistencyQuery(Schema):
    """Two sizes of the log; whether the newer one is there yet, only the log can say."""

    old = Digits(
        required=True,
        data_key="from",
        validate=Range(0, LARGEST_SIZE),
        metadata={"description": "The size of an older checkpoint."},
    )
    new = Digits(
        required=True,
        data_key="to",
        validate=Range(0, LARGEST_SIZE),
        metadata={"description": "The size of a newer one."},
    )

    @validates_schema
    def _in_order(self, query: dict[str, Any], **_: Any) -> None:
        if query["old"] > query["new"]:
            raise ValidationError("Must not be below `from`.", "to")


_LINES: Mapping[ExportForm, Callable[[], Lines]] = {
    ExportForm.NDJSON: NdjsonLines,
    ExportForm.CSV: lambda: CsvLines(Access),
    ExportForm.OCSF: OcsfLines,
    ExportForm.CEF: CefLines,
}


def lines_of_export(form: ExportForm | StreamForm) -> Lines:
    """How entries are written in a form."""
    return _LINES[ExportForm(form)]()


class MembersQuery(Schema):
    """The parameters of an entry's members."""

    limit = PageSize(load_default=50)
    cursor = Cursor()


def entry(row: Row[Any], policies: Policies) -> dict[str, Any]:
    """An entry as contract §6 shapes it: names and reasons, never a value."""
    explainer = policies.explainer(row.policy_version, row.operation)
    released, withheld = explainer.totals(row.verdicts) if explainer and _is_told(row.verdicts) else ([], {})
    return {
        "id": public(ACCESS_PREFIX, row.id),
        "at": instant(row.at),
        "request_id": row.request_id,
        "audience": row.audience,
        "partner": row.partner,
        "client": row.client,
        "model": row.model,
        "operation": row.operation,
        "purpose": row.purpose,
        "outcome": row.outcome,
        "status": row.status,
        "reason": row.reason,
        "member_count": row.member_count,
        "members": row.members,
        "fields_released": released,
        "fields_withheld": withheld,
        "policy_version": row.policy_version,
        "ip": str(row.ip) if row.ip else None,
        "index": row.sealed_index,
        "sensitive": explainer.sensitive(released) if explainer else [],
    }


def _is_told(verdicts: Any) -> bool:  # noqa: ANN401 - a JSON value
    """Whether these are pairs of numbers, as they were written; else somebody altered them, and hides nothing more.

    `gateway audit verify` names the entry.
    """
    try:
        are_numbers = all(type(verdict) is type(count) is int for verdict, count in verdicts)
        return are_numbers and all(bits <= LARGEST_VERDICT and count <= LARGEST_COUNT for bits, count in verdicts)
    except (TypeError, ValueError):
        return False


def gone(index: int, identifier: str, at: str) -> dict[str, Any]:
    """An entry of which the log is all that is left: its record is no longer kept."""
    nothing: dict[str, Any] = dict.fromkeys(Access().fields)
    return nothing | {
        "id": identifier,
        "at": at,
        "member_count": 0,
        "members": [],
        "fields_released": [],
        "fields_withheld": {},
        "index": index,
        "sensitive": [],
    }


def followed_entry(followed: Followed, policies: Policies) -> dict[str, Any]:
    """A sealed entry; its index is that under which it was found."""
    if followed.row is None:
        return gone(followed.index, public(ACCESS_PREFIX, followed.access), instant(followed.at))
    return entry(followed.row, policies)


def whole_entry(row: Row[Any], policies: Policies, inclusion: Inclusion | None) -> dict[str, Any]:
    """An entry with the exact bytes that are sealed, and the proof that they are; null until they are."""
    return entry(row, policies) | {
        "leaf": b64encode(row.leaf).decode(),
        "proof": _proof(inclusion) if inclusion else None,
    }


def _proof(inclusion: Inclusion) -> dict[str, Any]:
    return {
        "index": inclusion.index,
        "tree_size": read_checkpoint(inclusion.note).size,
        "hashes": hashes_as_text(inclusion.path),
        "checkpoint": inclusion.note,
    }


def hashes_as_text(hashes: Sequence[Hash]) -> list[str]:
    """Hashes in base64."""
    return [b64encode(each).decode() for each in hashes]


def entry_member(row: Row[Any], policies: Policies, of: Row[Any]) -> dict[str, Any]:
    """One member of an entry: what of them was released, and what not and why."""
    explainer = policies.explainer(of.policy_version, of.operation)
    explanation = explainer.explain(row.verdict) if explainer else None
    return {
        "member": row.id,
        "fields_released": list(explanation.released) if explanation else [],
        "fields_withheld": {name: list(why) for name, why in explanation.withheld.items()} if explanation else {},
    }
