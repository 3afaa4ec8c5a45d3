"""Prints the API's description as a gateway at an https address would serve it; needs no database."""  # noqa: INP001 - a script

import secrets
import sys
from pathlib import Path

from gateway.application import create_app
from gateway.settings import Settings

NOWHERE = "postgresql+psycopg://nowhere.invalid/none"


def main() -> None:
    """Write the document to standard output."""
    settings = Settings(
        issuer="https://gateway.example",
        secret_key=secrets.token_urlsafe(32),
        data_dir=Path(),
        database_url=NOWHERE,
        proxies=0,
        fixed_now=None,
    )
    sys.stdout.buffer.write(create_app(settings, NOWHERE).extensions["description"].body)


if __name__ == "__main__":
    main()
