"""The versions of the policy and what changed between them."""

import copy
from datetime import UTC, datetime, timedelta
from html import unescape

from sqlalchemy import insert

from partners.tables.access import policy_version
from serializers.policies import DOCUMENT, VERSION
from serializers.policy.differences import Change, differences
from tests.gateway.console.conftest import House

OLDER = "0123456789ab"


def older_document() -> dict[str, object]:
    """A policy that gave webmasters a field more, and asked less for another."""
    document = copy.deepcopy(DOCUMENT)
    fields = document["webmaster"]["fields"]
    fields["city"] = copy.deepcopy(fields["country"])
    fields["username"] |= {"shown": "always", "reasons": [], "clause": "R1"}
    document["webmaster"]["atoms"]["username_harmless"] = {"bit": 1, "otherwise": "opted_out", "sql": "true"}
    del document["model.spending"]
    return document


def test_differences_name_fields_conditions_and_audiences() -> None:
    found = {each.name: each for each in differences(older_document(), DOCUMENT)}
    webmaster = found["webmaster"].changes

    assert list(found) == ["webmaster", "model.spending"]
    assert Change("field city", "shown always", None) in webmaster
    assert Change("field username, clause", "R1", "R1, R9") in webmaster
    assert Change("condition username harmless", "true", None) in webmaster
    assert all(change.before is None for change in found["model.spending"].changes)
    assert differences(DOCUMENT, DOCUMENT) == []


def test_the_page_compares_two_versions_and_shows_one(house: House) -> None:
    activated = {"activated_at": datetime.now(UTC) - timedelta(days=30)}
    with house.db.write.begin() as connection:
        connection.execute(insert(policy_version).values(version=OLDER, document=older_document(), **activated))

    page = unescape(house.look(f"/console/policies?before={OLDER}&version={VERSION}", case=None))

    assert f"From {OLDER} to {VERSION}" in page
    assert '<del>shown always</del></td><td><span class="no">is gone</span>' in page
    assert "field city" in page
    assert "Nothing that decides is different" in house.look(f"/console/policies?before={OLDER}&version={OLDER}")
    assert f"Version <code>{VERSION}</code>" in house.look("/console/policies")
    assert house.browser().get("/console/policies?version=nope").status_code == 404
    assert house.newest("audit.policies").outcome == "not_found"
