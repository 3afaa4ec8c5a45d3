"""JWK sets handed to commands as files."""

from typing import BinaryIO

import click
import orjson

LARGEST_FILE = 262_144


class JwksFile(click.File):
    """A file with a JWK set, or `-` for standard input; arrives as the parsed document."""

    name = "file"

    def __init__(self) -> None:
        """Read bytes: JSON is UTF-8."""
        super().__init__("rb")

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, object]:  # type: ignore[override]
        """Read and parse; a wrong use of the command if that cannot be done."""
        if isinstance(value, dict):
            return value
        opened: BinaryIO = super().convert(value, param, ctx)  # type: ignore[assignment, arg-type]
        try:
            document = orjson.loads(opened.read(LARGEST_FILE))
        except orjson.JSONDecodeError:
            self.fail("the file is not JSON", param, ctx)
        if not isinstance(document, dict):
            self.fail("the file holds no JWK set: an object with `keys` is expected", param, ctx)
        # A single key is what many tools write.
        return {"keys": [document]} if "kty" in document and "keys" not in document else document


jwks_option = click.option("--jwks", type=JwksFile(), metavar="FILE", help="Public keys as a JWK set; `-` reads stdin.")
