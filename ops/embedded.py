"""Runs `backup.sh` or `restore.sh` on the embedded database, with its own tools, whether or not a gateway runs on it.

Usage: python ops/embedded.py DATA_DIRECTORY ops/backup.sh DIRECTORY        (with the gateway's own Python)
"""  # noqa: INP001 - a script

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

from partners.postgres.embedded import binary, embedded_postgres

TICK_S = 0.1


def main() -> None:
    """Start PostgreSQL where it does not run yet, and end as the script does; end it first when told to end."""
    parser = ArgumentParser(usage="python ops/embedded.py DATA_DIRECTORY ops/backup.sh DIRECTORY")
    for name in ("data_directory", "script", "directory"):
        parser.add_argument(name)
    given = parser.parse_args()
    environ = os.environ | {"PATH": f"{binary('psql').parent}{os.pathsep}{os.environ['PATH']}"}
    told: list[int] = []
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, lambda signum, _frame: told.append(signum))
    with embedded_postgres(Path(given.data_directory)) as url:
        command = [given.script, url, given.directory]
        # A process group of its own: a shell that is told to end waits for the program that it runs.
        with subprocess.Popen(command, env=environ, process_group=0) as script:  # noqa: S603 - ours
            while script.poll() is None and not told:
                time.sleep(TICK_S)
            if script.returncode is None:
                os.killpg(script.pid, signal.SIGTERM)
    sys.exit(128 + told[0] if told else script.returncode)


if __name__ == "__main__":
    main()
