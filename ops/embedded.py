"""Runs `backup.sh` or `restore.sh` on the embedded database, with its own tools, whether or not a gateway runs on it.

Usage: python ops/embedded.py DATA_DIRECTORY ops/backup.sh DIRECTORY        (with the gateway's own Python)
"""  # noqa: INP001 - a script

import os
import subprocess
import sys
from pathlib import Path

from partners.embedded import binary, embedded_postgres


def main() -> None:
    """Start PostgreSQL where it does not run yet, and end as the script does."""
    data_dir, script, directory = sys.argv[1:]
    path = f"{binary('psql').parent}{os.pathsep}{os.environ['PATH']}"
    with embedded_postgres(Path(data_dir)) as url:
        done = subprocess.run([script, url, directory], check=False, env=os.environ | {"PATH": path})  # noqa: S603 - ours
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
