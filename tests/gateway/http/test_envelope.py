"""Every answer carries a request id; an unknown path is a problem document."""

from flask.testing import FlaskClient


def test_unknown_path_is_a_problem_document(http: FlaskClient) -> None:
    answer = http.get("/v1/nothing")

    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]
