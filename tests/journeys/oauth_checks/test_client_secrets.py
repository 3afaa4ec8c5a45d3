"""Checks 1 to 8: clients that prove themselves by a secret, and in one way only."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.journeys.oauth_checks.target import Client, Feature, Target, refused, unauthenticated

GRANT = {"grant_type": "client_credentials"}
ENDPOINTS = ("token", "revocation", "introspection")


def test_check_01_the_current_secret_works(target: Target, reader: Client) -> None:
    assert target.grant(reader).status_code == 200


def test_check_01_the_previous_secret_works_during_the_overlap(target: Target) -> None:
    target.needs(Feature.SECRET_OVERLAP)
    before = target.operator.reader()
    after = target.operator.rotate(before, overlap=timedelta(days=14))

    assert [target.grant(client).status_code for client in (before, after)] == [200, 200]


def test_check_02_a_secret_past_its_overlap_is_refused(target: Target) -> None:
    target.needs(Feature.SECRET_OVERLAP)
    before = target.operator.reader()
    after = target.operator.rotate(before, overlap=timedelta(0))

    assert unauthenticated(target.grant(before))
    assert target.grant(after).status_code == 200


def test_check_03_a_wrong_secret_and_an_unknown_client_look_alike(
    target: Target, reader: Client, signer: Client
) -> None:
    answers = [target.post(GRANT, auth=(name, "gws_wrong")) for name in (reader.id, "cl_unknown", signer.id)]

    assert all(unauthenticated(answer) for answer in answers)
    assert len({answer.content for answer in answers}) == 1
    assert all(answer.headers["WWW-Authenticate"].startswith("Basic ") for answer in answers)


@pytest.mark.parametrize(
    "header",
    [
        b"Basic", b"Basic ", b"Basic !!!not-base64!!!", b"Basic " + b64encode(b"no-colon"),
        b"Basic " + b64encode(b"\xff\xfe:\xff"), b"Basic " + b64encode("cl_é:sécret".encode()),
        b"Basic " + b64encode(b"cl_x:%ff%00"), b"Basic " + b64encode(b"\x00:\x00"), b"Basic " + b64encode(b":"),
        b"Basic \xe9", b"Bearer abc", b"Digest username=x", b"\xff\xfe", b"",
    ],
    ids=repr,
)  # fmt: skip
def test_check_04_an_odd_authorization_header_is_a_failed_authentication(target: Target, header: bytes) -> None:
    assert unauthenticated(target.post(GRANT, headers={"Authorization": header}))


@pytest.mark.parametrize("secret", ["sécret", "\x00", "x" * 5_000, ""], ids=["accent", "nul", "long", "empty"])
def test_check_04_an_odd_secret_of_a_known_client_is_refused(target: Target, reader: Client, secret: str) -> None:
    encoded = b64encode(f"{reader.id}:{secret}".encode()).decode()

    assert unauthenticated(target.post(GRANT, headers={"Authorization": f"Basic {encoded}"}))


def test_check_05_a_secret_in_the_address_is_refused(target: Target, reader: Client) -> None:
    credentials = {"client_id": reader.id, "client_secret": reader.secret}

    assert target.post(GRANT, params=credentials).status_code in {400, 401}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_check_06_two_ways_at_once_are_refused(target: Target, reader: Client, signer: Client, endpoint: str) -> None:
    form = GRANT | {"token": "x"}
    signed = target.proof(target.assertion(signer))

    answers = [
        target.post(form | {"client_secret": reader.secret}, endpoint, auth=reader.basic),
        target.post(form | signed, endpoint, auth=reader.basic),
        target.post(form | signed | {"client_secret": "x"}, endpoint),
    ]

    assert all(refused(answer, "invalid_request") for answer in answers)


def test_check_07_header_and_body_name_the_same_client(target: Target, reader: Client, signer: Client) -> None:
    assert target.grant(reader, client_id=reader.id).status_code == 200
    assert target.grant(reader, client_id=signer.id).status_code in {400, 401}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_check_08_only_the_registered_method_is_taken(
    target: Target, reader: Client, signer: Client, endpoint: str
) -> None:
    form = GRANT | {"token": "x"}
    impostor = replace(reader, key=signer.key)
    in_body = {"client_id": reader.id, "client_secret": reader.secret}

    answers = [
        target.post(form | target.proof(target.assertion(impostor)), endpoint),
        target.post(form, endpoint, auth=(signer.id, reader.secret)),
        target.post(form | in_body, endpoint),
        target.post(form | {"client_id": reader.id}, endpoint),
    ]

    assert all(unauthenticated(answer) for answer in answers)
