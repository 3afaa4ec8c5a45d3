"""Applying models, and what members do and spend with them."""

from collections.abc import Mapping

from partners.feed.activity_state import RelationState, SpendingState
from partners.feed.events import Acted, Event, ModelRegistered, Spent
from partners.feed.facts import Acting, Spending
from partners.feed.model_state import ModelState
from partners.feed.state import State
from partners.vocabulary import Action, RelationAction

_FAVORITE: Mapping[Action | RelationAction, bool] = {RelationAction.FAVORITED: True, RelationAction.UNFAVORITED: False}
_FAN_CLUB: Mapping[Action | RelationAction, bool] = {
    RelationAction.FAN_CLUB_JOINED: True,
    RelationAction.FAN_CLUB_LEFT: False,
}


def register(state: State, event: Event[ModelRegistered]) -> None:
    """Add a model, or rename it unless a later name is known."""
    known = state.models.setdefault(event.subject, ModelState(event.subject))
    if event.stamp > known.stamp:
        known.name, known.stamp, known.changed = event.content.name, event.stamp, True


def act(state: State, event: Event[Acted]) -> None:
    """Record an action; favourite and fan club follow the last writer, a gift and a private chat are for good."""
    member = state.member(event.subject)
    model = state.model(event.content.model)
    action = event.content.action
    state.actions.append(Acting(model, member, event.time, action))
    relation = state.relation(model, member)
    if action in _FAVORITE:
        _set_favorite(relation, event.stamp, on=_FAVORITE[action])
    elif action in _FAN_CLUB:
        _set_fan_club(relation, event.stamp, on=_FAN_CLUB[action])
    elif action is RelationAction.GIFT_SENT and not relation.gift_sent:
        relation.gift_sent = relation.changed = True
    elif action is Action.PRIVATE_CHAT and not relation.privately_chatted:
        relation.privately_chatted = relation.changed = True


def spend(state: State, event: Event[Spent]) -> None:
    """Record a line of spending."""
    member = state.member(event.subject)
    model = state.model(event.content.model)
    feature, credits_ = event.content.feature, event.content.credits
    state.relation(model, member)
    state.spendings.append(Spending(model, member, event.time, feature, credits_))
    total = state.spending.setdefault((model.id, member.id, feature), SpendingState(model, member, feature))
    total.add(credits_, event.time)


def _set_favorite(relation: RelationState, stamp: str, *, on: bool) -> None:
    if stamp > (relation.favorite_stamp or ""):
        relation.favorite, relation.favorite_stamp, relation.changed = on, stamp, True


def _set_fan_club(relation: RelationState, stamp: str, *, on: bool) -> None:
    if stamp > (relation.fan_club_stamp or ""):
        relation.fan_club, relation.fan_club_stamp, relation.changed = on, stamp, True
