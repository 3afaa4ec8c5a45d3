"""Loading what members are referred by and have to do with: webmasters, their campaigns, models."""

from collections.abc import Collection

from sqlalchemy import Connection, Text, and_, select

from partners.feed.loading.arrays import IDS, among, pairs_of
from partners.feed.model_state import ModelState
from partners.feed.state import State
from partners.tables.activity import model
from partners.tables.partner import campaign, partner
from partners.vocabulary import PartnerKind

_WEBMASTERS = select(partner.c.id, partner.c.number).where(
    among(partner.c.id, IDS), partner.c.kind == PartnerKind.WEBMASTER
)
_CODES = pairs_of(webmasters=Text(), codes=Text())
_CAMPAIGNS = (
    select(_CODES.c.webmasters, campaign.c.code, campaign.c.number)
    .join_from(_CODES, partner, partner.c.id == _CODES.c.webmasters)
    .join(campaign, and_(campaign.c.partner == partner.c.number, campaign.c.code == _CODES.c.codes))
)
_MODELS = select(model.c.id, model.c.number, model.c.name, model.c.stamp).where(among(model.c.id, IDS))


def load_webmasters(connection: Connection, state: State, ids: Collection[str]) -> None:
    """Load webmasters."""
    if ids:
        state.webmasters = {row.id: row.number for row in connection.execute(_WEBMASTERS, {"ids": list(ids)})}


def load_campaigns(connection: Connection, state: State, wanted: Collection[tuple[str, str]]) -> None:
    """Load campaigns by webmaster and code."""
    if wanted:
        webmasters, codes = zip(*wanted, strict=True)
        rows = connection.execute(_CAMPAIGNS, {"webmasters": list(webmasters), "codes": list(codes)})
        state.campaigns = {(row.webmasters, row.code): row.number for row in rows}


def load_models(connection: Connection, state: State, ids: Collection[str]) -> None:
    """Load models."""
    if ids:
        for row in connection.execute(_MODELS, {"ids": list(ids)}):
            state.models[row.id] = ModelState(row.id, number=row.number, name=row.name, stamp=row.stamp)
