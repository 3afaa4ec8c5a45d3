"""Whether a member is shared with webmasters now: asked by the policy, the feed, the statistics and notices."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_

from partners.tables.member import member
from partners.vocabulary import PartnerKind


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
        return self.exists_for(PartnerKind.WEBMASTER)

    def exists_for(self, audience: PartnerKind) -> bool:
        """Whether any partner of a kind may know of the member; opt-outs and objections are of promotion (R52, R63)."""
        exists = self.service_consent and not self.restricted and not self.erased
        return exists and (audience != PartnerKind.WEBMASTER or (self.affiliate_sharing and not self.objecting))


def shared_with_webmaster() -> ColumnElement[bool]:
    """Say the same over the columns of `member`; a test compares the two in every world."""
    return and_(
        member.c.affiliate_sharing,
        member.c.service_consent,
        ~member.c.objecting,
        ~member.c.restricted,
        ~member.c.erased,
    )
