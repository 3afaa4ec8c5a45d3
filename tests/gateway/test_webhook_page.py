"""The page for partners works as it stands: its sample verifies what is sent, its table has every type."""

import re
from http.server import HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from gateway.background.posting import acknowledged, post, signed_headers
from partners.vocabulary import NoticeTopic
from serializers.webhooks import TOPICS

PAGE = (Path(__file__).parents[2] / "docs/webhooks.md").read_text()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(("secrets", "status"), [((SECRET,), 204), (("whsec_b3RoZXI=",), 400)])
def test_the_sample_takes_what_is_signed_and_nothing_else(
    secrets: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (sample,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {"__name__": "sample"}
    exec(compile(sample.replace("whsec_…", SECRET), "sample", "exec"), names)  # noqa: S102 - our own page
    with HTTPServer(("127.0.0.1", 0), names["Hook"]) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        body = b'{"type":"member.erased","data":{"ref":"mbr_x"}}'
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        answered = post(url, body, signed_headers("ntc_1", body, secrets), private=False)
        thread.join()

    assert (answered, acknowledged(answered)) == (status, status == 204)
    assert ("member.erased" in capsys.readouterr().out) == (status == 204)


def test_every_type_of_notice_is_explained_and_no_other() -> None:
    assert re.findall(r"^\| `(member\.\w+)` \|", PAGE, re.MULTILINE) == [topic.value for topic in NoticeTopic]
    assert set(TOPICS) == set(NoticeTopic)
