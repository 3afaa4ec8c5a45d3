"""How long files of the spool are kept: as long as the records in them."""

from datetime import datetime
from pathlib import Path

from partners.access_log.pruning import has_outlived
from partners.spool.framing import PATTERN, day_of_file


def forget(directory: Path, *, now: datetime) -> int:
    """Remove the files of months that have outlived their time, and say how many; raise `OSError`.

    No file has a record that is younger than the file's day.
    """
    outlived = [
        path
        for path in directory.glob(PATTERN)
        if (day := day_of_file(path.name)) is not None and has_outlived(day.replace(day=1), now)
    ]
    for path in outlived:
        path.unlink(missing_ok=True)
    return len(outlived)
