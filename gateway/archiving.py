"""A member's archive as a zip: JSON and CSV of everything, with an index to read; complete before it is sent."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from tempfile import SpooledTemporaryFile
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from flask import Response, render_template

from gateway.rights import RightsTransaction
from partners.access_log.disclosures import every_disclosure
from partners.access_log.policy_versions import policy_documents
from partners.members import require_member
from partners.rights.archive import (
    DISCLOSURES,
    PIECES,
    REQUESTS,
    Piece,
    as_of_one_moment,
    period_of,
    require_archive,
    rows_of,
)
from partners.rights.book import MemberRequest
from partners.rights.steps import SUPERVISORY_AUTHORITY
from serializers.archive import Document, Recipients, about, csv_of, json_array_of, recipient_kind, told
from serializers.disclosures import disclosure
from serializers.platform import request_document
from serializers.policy.recorded import Policies
from serializers.wire import json_of

IN_MEMORY_BYTES = 4 * 1024 * 1024
"""A larger archive goes on in a temporary file, which has no name and is gone when it was sent."""
PART_BYTES = 64 * 1024
MEDIA_TYPE = "application/zip"
Reread = Callable[[], Iterable[Document]]
"""Reads the rows of a file: once for each of its two forms."""
Seen = Callable[[Document], object]


@dataclass(frozen=True)
class Archive:
    """A finished archive, to be sent once the transaction that recorded it is committed."""

    name: str
    member: int
    file: "SpooledTemporaryFile[bytes]"

    def response(self) -> Response:
        """The zip as a download."""
        length = self.file.tell()
        self.file.seek(0)
        response = Response(_parts(self.file), content_type=MEDIA_TYPE)
        response.content_length = length
        response.headers["Content-Disposition"] = f'attachment; filename="{self.name}.zip"'
        return response


def archive_of(work: RightsTransaction, member_id: str, request_id: str, now: datetime) -> Archive:
    """Gather what a settled request asks for, as of one moment.

    Raises `NoSuchMemberError`, `NoSuchRequestError`, or `RightsConflictError` where the request has no archive.
    """
    as_of_one_moment(work.connection)
    desk = work.desk(member_id)
    request = desk.read_one(request_id).request
    require_archive(request)
    number = require_member(work.connection, member_id, work.keyring).number
    every_request = [request_document(entry) for entry in desk.book.entries()]
    # It outlives this block: the response closes it.
    file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
    with ZipFile(file, "w", ZIP_DEFLATED) as packed:
        _Gathering(work, number, request, packed, now).write(every_request)
    return Archive(request_id, number, file)


def _parts(file: "SpooledTemporaryFile[bytes]") -> Iterator[bytes]:
    with file:
        while part := file.read(PART_BYTES):
            yield part


@dataclass
class _Gathering:
    work: RightsTransaction
    member: int
    request: MemberRequest
    packed: ZipFile
    now: datetime
    counts: dict[str, int] = field(default_factory=dict)

    def write(self, requests: list[Document]) -> None:
        for piece in PIECES:
            self._table(piece.name, partial(self._rows, piece), single=piece.single)
        self._table(REQUESTS, lambda: requests)
        recipients = Recipients()
        self._table(DISCLOSURES, self._disclosures, seen=recipients.add)
        self._table("recipients", recipients.rows)
        request = request_document(self.request)
        index = about(request, at=self.now, since=period_of(self.request), counts=self.counts)
        index["supervisory_authority"] = SUPERVISORY_AUTHORITY
        self._file("about.json", [json_of(index)])
        self._file("index.html", [render_template("archive.html", **index).encode()])

    def _rows(self, piece: Piece) -> Iterator[Document]:
        rows = rows_of(self.work.connection, piece, self.member, period_of(self.request))
        return (told(dict(row), self._unseal) for row in rows)

    def _unseal(self, sealed: bytes) -> str:
        return self.work.keyring.unseal(sealed).decode()

    def _disclosures(self) -> Iterator[Document]:
        policies = Policies(policy_documents(self.work.connection))
        for row in every_disclosure(self.work.connection, self.member, since=period_of(self.request)):
            yield disclosure(row, policies) | {"recipient_kind": recipient_kind(row.audience)}

    def _table(self, name: str, read: Reread, *, single: bool = False, seen: Seen = bool) -> None:
        """Write both forms of a file; `seen` is shown each row once."""

        def counted() -> Iterator[Document]:
            for row in read():
                seen(row)
                self.counts[name] += 1
                yield row

        self.counts[name] = 0
        self._file(f"{name}.json", map(json_of, counted()) if single else json_array_of(counted()))
        self._file(f"{name}.csv", csv_of(read()))

    def _file(self, name: str, parts: Iterable[bytes]) -> None:
        entry = ZipInfo(name, self.now.timetuple()[:6])
        entry.compress_type = ZIP_DEFLATED
        with self.packed.open(entry, "w") as opened:
            for part in parts:
                opened.write(part)
