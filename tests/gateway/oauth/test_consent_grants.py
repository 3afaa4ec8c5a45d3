"""Tokens of a consent."""

import pytest

from gateway.oauth.consent_grants import Consented
from gateway.oauth.tokens import LIFETIME

NOW = 1_793_534_400.0
A_TOKENS = int(LIFETIME.total_seconds())


@pytest.mark.parametrize(("left", "lives"), [(A_TOKENS + 1, A_TOKENS), (A_TOKENS - 1, A_TOKENS - 1), (0.5, 0)])
def test_a_token_lives_no_longer_than_its_consent(left: float, lives: int) -> None:
    assert Consented("w1", "fam_1", NOW + left).lifetime(NOW) == lives
