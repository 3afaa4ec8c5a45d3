"""A stage for what members see of partners: webmasters, models and members of whom everything there is is known."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import update

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.tables.member import member, profile
from partners.vocabulary import SENSITIVE_ITEMS, Action, PartnerKind, ProfileItem
from tests.callers import access_token, add_caller, bearer
from tests.conftest import NOW
from tests.factories import (
    add_action,
    add_device,
    add_member,
    add_model,
    add_purchase,
    add_relation,
    add_spending,
    set_usage_clock,
)
from tests.gateway.api.test_model import EVERY_SCOPE, ModelCenter
from tests.gateway.api.test_webmaster import Webmaster, webmaster

RECENTLY = NOW - timedelta(days=3)
MODELS = ("mdl-1", "mdl-2")


@dataclass
class Stage:
    """Two webmasters, a model center with two models, and the platform, all with tokens."""

    http: FlaskClient
    db: Database
    keyring: Keyring
    webmasters: dict[str, Webmaster] = field(init=False)
    center: ModelCenter = field(init=False)
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.webmasters = {name: webmaster(self.db, self.http, name) for name in ("w1", "w2")}
        caller = add_caller(self.db, PartnerKind.MODEL_CENTER, scopes=EVERY_SCOPE)
        self.center = ModelCenter(self.http, self.db, caller, self.keyring)
        self.headers = bearer(access_token(self.http, add_caller(self.db, PartnerKind.PLATFORM)))
        with self.db.write.begin() as connection:
            self.models = {name: add_model(connection, name, name=f"Public {name}") for name in MODELS}

    def member(self, id: str, referred_by: str = "w1", **columns: Any) -> int:
        """A member without a single empty attribute, so that `null` in an answer can only mean withheld."""
        owner = self.webmasters[referred_by]
        items: dict[str, Any] = {
            item: self.keyring.seal(b"text") if item in SENSITIVE_ITEMS else "text" for item in ProfileItem
        }
        with self.db.write.begin() as connection:
            number = add_member(
                connection, id, webmaster=owner.number, campaign=owner.campaign, sub1="banner", mask="gold",
                regular_payer=True, profile_columns=items | {"age": 34}, **columns,
            )  # fmt: skip
            add_device(connection, number, seen_at=RECENTLY)
            add_purchase(connection, number, f"p-{id}", at=RECENTLY)
            set_usage_clock(connection, number, usage_clock_at=RECENTLY)
            for her in self.models.values():
                add_relation(connection, her, number, favorite=True)
                add_action(connection, her, number, Action.LIKE, at=RECENTLY)
                add_spending(connection, her, number, at=RECENTLY)
        return number

    def change(self, number: int, **columns: Any) -> None:
        with self.db.write.begin() as connection:
            connection.execute(update(member).where(member.c.number == number).values(**columns))

    def change_profile(self, number: int, **columns: Any) -> None:
        with self.db.write.begin() as connection:
            connection.execute(update(profile).where(profile.c.member == number).values(**columns))

    def get(self, path: str, **query: Any) -> Any:
        """An answer to the platform about a member."""
        return self.http.get(f"/v1/platform/members/{path}", query_string=query or None, headers=self.headers)

    def disclosures(self, id: str, **query: Any) -> list[dict[str, Any]]:
        answer = self.get(f"{id}/disclosures", **query)
        assert answer.status_code == 200, answer.get_json()
        found: list[dict[str, Any]] = answer.get_json()["data"]
        return found

    def preview(self, id: str, viewer: str) -> Any:
        answer = self.get(f"{id}/preview", **{"as": viewer})
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()["data"]


def received(document: dict[str, Any]) -> list[str]:
    """The fields that somebody who got this about a whole member was given."""
    fields = []
    for name, value in document.items():
        if name == "profile":
            fields += [f"profile.{item}" for item, text in value.items() if text is not None]
        elif value not in (None, []):
            fields.append(name)
    return fields
