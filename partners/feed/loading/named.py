"""Loading what members are referred by and have to do with: webmasters, their campaigns, models."""

from collections.abc import Collection

from sqlalchemy import Connection, Text, and_, select

from partners.feed.model_state import ModelState
from partners.feed.parameters import among, as_rows, as_values, rows_of
from partners.feed.state import State
from partners.tables.activity import model
from partners.tables.partner import campaign, partner
from partners.vocabulary import PartnerKind

_WEBMASTERS = select(partner.c.id, partner.c.number).where(among(partner.c.id), partner.c.kind == PartnerKind.WEBMASTER)
_CODES = rows_of(webmaster=Text(), code=Text())
_CAMPAIGNS = (
    select(_CODES.c.webmaster, campaign.c.code, campaign.c.number)
    .join_from(_CODES, partner, partner.c.id == _CODES.c.webmaster)
    .join(campaign, and_(campaign.c.partner == partner.c.number, campaign.c.code == _CODES.c.code))
)
_MODELS = select(model.c.id, model.c.number, model.c.name, model.c.stamp).where(among(model.c.id))


def load_webmasters(connection: Connection, state: State, ids: Collection[str]) -> None:
    """Load webmasters."""
    if ids:
        state.webmasters = {row.id: row.number for row in connection.execute(_WEBMASTERS, as_values(ids))}


def load_campaigns(connection: Connection, state: State, wanted: Collection[tuple[str, str]]) -> None:
    """Load campaigns by webmaster and code."""
    if wanted:
        rows = connection.execute(
            _CAMPAIGNS, as_rows([{"webmaster": webmaster, "code": code} for webmaster, code in wanted])
        )
        state.campaigns = {(row.webmaster, row.code): row.number for row in rows}


def load_models(connection: Connection, state: State, ids: Collection[str]) -> None:
    """Load models."""
    if ids:
        for row in connection.execute(_MODELS, as_values(ids)).all():
            state.models[row.id] = ModelState(row.id, number=row.number, name=row.name, stamp=row.stamp)
