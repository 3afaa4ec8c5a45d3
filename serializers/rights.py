"""What a member's own rights close for every audience: one place for both policies."""

from partners.tables.member import member
from partners.vocabulary import Reason
from serializers.policy.conditions import Atom

not_erased = Atom("not_erased", member.c.erased.is_(False), Reason.ERASED)
not_restricted = Atom("not_restricted", member.c.restricted.is_(False), Reason.RESTRICTED)
consents_to_the_service = Atom("consents_to_the_service", member.c.service_consent, Reason.CONSENT_WITHDRAWN)

RESPECTED_BY_EVERY_AUDIENCE = (
    not_erased,  # R50
    not_restricted,  # R54
    consents_to_the_service,  # R55
)
