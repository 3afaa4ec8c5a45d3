"""Whether a member is shared with webmasters now: asked by the policy, the feed and the statistics."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_

from partners.tables.member import member


@dataclass(frozen=True)
class Sharing:
    """The five facts that decide it, as the feed holds them in memory."""

    affiliate_sharing: bool = True
    service_consent: bool = True
    objecting: bool = False
    restricted: bool = False
    erased: bool = False

    def holds(self) -> bool:
        """Neither opted out, objecting, restricted, erased nor with service consent withdrawn (contract §3)."""
        return (
            self.affiliate_sharing
            and self.service_consent
            and not self.objecting
            and not self.restricted
            and not self.erased
        )


def shared_with_webmaster() -> ColumnElement[bool]:
    """Say the same over the columns of `member`; a test compares the two in every world."""
    return and_(
        member.c.affiliate_sharing,
        member.c.service_consent,
        ~member.c.objecting,
        ~member.c.restricted,
        ~member.c.erased,
    )
