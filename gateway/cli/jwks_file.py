"""JWK sets handed to commands as files."""

from os import PathLike

import click
import orjson

from gateway.cli.inputs import check_input

LARGEST_FILE = 262_144


class JwksFile(click.Path):
    """A file with a JWK set, or `-` for standard input; arrives as the parsed document."""

    def __init__(self) -> None:
        """Take a path that can be read."""
        super().__init__(exists=True, dir_okay=False, allow_dash=True)

    def convert(  # type: ignore[override]  # a document, where `click.Path` gives a path
        self, value: str | PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, object]:
        """Read and parse; a wrong use of the command if that cannot be done."""
        check_input(value)
        path = super().convert(value, param, ctx)
        with click.open_file(str(path), "rb") as opened:
            content = opened.read(LARGEST_FILE)
        try:
            document = orjson.loads(content)
        except orjson.JSONDecodeError:
            self.fail("the file is not JSON", param, ctx)
        if not isinstance(document, dict):
            self.fail("the file holds no JWK set: an object with `keys` is expected", param, ctx)
        # A single key is what many tools write.
        return {"keys": [document]} if "kty" in document and "keys" not in document else document


jwks_option = click.option("--jwks", type=JwksFile(), metavar="FILE", help="Public keys as a JWK set; `-` reads stdin.")
