"""A release together with the serialiser of its rows, both made once."""

from dataclasses import dataclass

from marshmallow import Schema
from sqlalchemy import BigInteger, bindparam

from serializers.policy.release import Release
from serializers.policy.render import compile_serialiser, type_of_serialiser

LIMIT = bindparam("limit", type_=BigInteger)


@dataclass(frozen=True)
class Prepared:
    """What the doorway executes and says."""

    release: Release
    serialise: type_of_serialiser


def prepared(release: Release, schema: type[Schema]) -> Prepared:
    """Compile the serialiser for the columns of a release."""
    return Prepared(release, compile_serialiser(schema(), release.positions))
