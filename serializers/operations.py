"""What a record may say was done: in plain words, and whether that was a look or a change."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Activity(IntEnum):
    """What was done, as OCSF's API Activity (6003) numbers it."""

    CREATE = 1
    READ = 2
    UPDATE = 3
    DELETE = 4
    OTHER = 99


@dataclass(frozen=True)
class Operation:
    """What was done."""

    words: str
    activity: Activity = Activity.OTHER


OPERATIONS: Mapping[str, Operation] = {
    "members.list": Operation("listed members", Activity.READ),
    "members.get": Operation("looked at one member", Activity.READ),
    "purchases.list": Operation("read the purchase log", Activity.READ),
    "stats.query": Operation("asked for statistics", Activity.READ),
    "statements.list": Operation("read monthly statements", Activity.READ),
    "campaigns.list": Operation("listed campaigns", Activity.READ),
    "card.get": Operation("opened a card", Activity.READ),
    "card.batch": Operation("opened cards by name", Activity.READ),
    "card.list": Operation("listed cards", Activity.READ),
    "card.spending": Operation("read what a member spent", Activity.READ),
    "preview": Operation("previewed what a partner would get", Activity.READ),
    "policy.explain": Operation("asked what a partner would be shown, and why not more", Activity.READ),
    "events.write": Operation("sent events", Activity.CREATE),
    "privacy.read": Operation("read privacy settings", Activity.READ),
    "privacy.write": Operation("changed privacy settings", Activity.UPDATE),
    "disclosures.read": Operation("read a member's disclosures", Activity.READ),
    "requests.create": Operation("entered a member's request", Activity.CREATE),
    "requests.read": Operation("read members' requests", Activity.READ),
    "requests.move": Operation("moved a member's request on", Activity.UPDATE),
    "requests.verify": Operation("verified a member's identity", Activity.UPDATE),
    "requests.extend": Operation("extended a member's request", Activity.UPDATE),
    "requests.settle": Operation("settled a member's request", Activity.UPDATE),
    "requests.refuse": Operation("refused a member's request", Activity.UPDATE),
    "requests.notify": Operation("told a member before lifting a restriction", Activity.UPDATE),
    "requests.archive": Operation("took the archive of a member's request", Activity.READ),
    "rights.replay": Operation("did again what members had decided", Activity.UPDATE),
    "disclosures.add": Operation("entered a disclosure by hand", Activity.CREATE),
    "webhooks.deliver": Operation("was sent a notice"),
    "webhooks.suspend": Operation("was suspended for answering no notices", Activity.UPDATE),
    "webhooks.throttle": Operation("had its limits cut to a tenth for answering no notices", Activity.UPDATE),
    "audit.overview": Operation("looked at the overview of the log", Activity.READ),
    "audit.search": Operation("searched the log", Activity.READ),
    "audit.get": Operation("opened an entry of the log", Activity.READ),
    "audit.members": Operation("read whom an entry is about", Activity.READ),
    "audit.member": Operation("looked who saw a member", Activity.READ),
    "audit.partner": Operation("looked what a partner saw", Activity.READ),
    "audit.policies": Operation("compared versions of the policy", Activity.READ),
    "audit.case": Operation("took up a case"),
    "audit.saved": Operation("changed the saved searches", Activity.UPDATE),
    "audit.export": Operation("exported entries of the log", Activity.READ),
    "audit.proof": Operation("took an entry with its proof", Activity.READ),
    "audit.alerts": Operation("looked at the alerts", Activity.READ),
    "audit.alert": Operation("looked at an alert", Activity.READ),
    "audit.floors": Operation("looked at the raised floors", Activity.READ),
    "audit.acknowledge": Operation("took an alert up", Activity.UPDATE),
    "audit.close": Operation("closed an alert", Activity.UPDATE),
    "audit.lower": Operation("ended a floor that a false alert had raised", Activity.UPDATE),
    "audit.raise": Operation("raised an alert", Activity.CREATE),
    "audit.detect": Operation("looked for what is unusual", Activity.READ),
    "audit.checkpoint": Operation("took the newest checkpoint", Activity.READ),
    "audit.consistency": Operation("had the log's growth proved", Activity.READ),
    "audit.key": Operation("took the log's key", Activity.READ),
    "audit.reconcile": Operation("held the log beside a proxy's", Activity.READ),
    "audit.stream": Operation("followed the log", Activity.READ),
    "audit.push": Operation("was sent entries of the log", Activity.READ),
    "key.rotated": Operation("rotated the log's key", Activity.UPDATE),
    "key.retired": Operation("retired a key of the log", Activity.UPDATE),
    "retention.candidates": Operation("listed who has long been inactive", Activity.READ),
    "retention.pruned": Operation("let a month of the log go", Activity.DELETE),
    "oauth.token": Operation("asked for a token"),
    "oauth.refresh": Operation("refreshed a token"),
    "oauth.replay": Operation("presented a used token again"),
    "oauth.revoke": Operation("revoked a token"),
    "oauth.introspect": Operation("asked after a token"),
    "oauth.authorize": Operation("asked for a consent"),
    "oauth.par": Operation("pushed a request for consent"),
    "oauth.consent": Operation("answered a request for consent"),
    "oauth.withdraw": Operation("withdrew a consent"),
    "oauth.sign_in": Operation("signed in"),
    "oauth.sign_out": Operation("signed out"),
    "oauth.set_up": Operation("set up an account"),
}
"""By name, all but the acts of operators, which `operator_act` names: a search knows both, and nothing else."""
