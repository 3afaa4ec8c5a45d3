"""The words of the console: what codes mean, for people."""

from collections.abc import Mapping

from partners.vocabulary import CasePurpose, Outcome

CASE_PURPOSES: Mapping[CasePurpose, str] = {
    CasePurpose.MEMBER_REQUEST: "A member asks who saw their data",
    CasePurpose.COMPLAINT: "A complaint of a member or a partner",
    CasePurpose.INCIDENT: "A suspected breach or misuse",
    CasePurpose.PARTNER_REVIEW: "The review of a partner",
    CasePurpose.AUTHORITY: "A question of an authority or a court",
    CasePurpose.ROUTINE: "The routine control of the log",
}
"""By purpose, as it is asked for."""

OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.RELEASED: ("●", "everything asked for was given"),
    Outcome.PARTIAL: ("◐", "something was withheld"),
    Outcome.EMPTY: ("○", "there was nothing to give"),
    Outcome.NOT_FOUND: ("∅", "nobody there for this caller"),
    Outcome.DENIED: ("✕", "refused"),
    Outcome.LIMITED: ("◷", "asked too often"),
    Outcome.ERROR: ("!", "broken off"),
}
"""By outcome: a sign, so that it can be told without colour, and what it means."""
