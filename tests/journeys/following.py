"""A consumer of the log's stream as a SIEM's collector would be: its cursor is the last line that it has stored.

`following.py URL FILE` appends what follows to the file, for ever, or with `--until-empty` until there is no news.
The token comes by the environment.
"""

import json
import os
import sys
import time
import urllib.request
from pathlib import Path

LIMIT = 20


def last_index(path: Path) -> int:
    """The index of the last whole line; what a death left half written is cut off."""
    stored = path.read_bytes() if path.exists() else b""
    whole = stored[: stored.rfind(b"\n") + 1]
    if len(whole) != len(stored):
        os.truncate(path, len(whole))
    index: int = json.loads(whole.splitlines()[-1])["index"] if whole else -1
    return index


def pull(url: str, after: int, wait: int) -> bytes:
    """One answer, whole: the library raises where it is shorter than announced."""
    asked = urllib.request.Request(  # noqa: S310 - the test's own server
        f"{url}/v1/audit/stream?after={after}&limit={LIMIT}&wait={wait}",
        headers={"Authorization": f"Bearer {os.environ['TOKEN']}"},
    )
    with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310 - likewise
        body: bytes = answer.read()
    return body


def main(url: str, path: Path, *, until_empty: bool) -> None:
    """Follow."""
    after = last_index(path)
    with path.open("ab", buffering=0) as file:
        while True:
            body = pull(url, after, wait=0 if until_empty else 1)
            # In two pieces and slowly: a death is to find it in the middle, on a busy machine too.
            # Half of twenty lines of one length would be whole lines.
            half = len(body) // 2 + 10
            file.write(body[:half])
            time.sleep(0.02)
            file.write(body[half:])
            os.fsync(file.fileno())
            if body:
                after = json.loads(body.splitlines()[-1])["index"]
            elif until_empty:
                return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), until_empty="--until-empty" in sys.argv)
