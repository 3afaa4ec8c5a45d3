"""What a verification can find, and in which words it says so."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from partners.access_log.identifiers import ACCESS_PREFIX, public


class Kind(StrEnum):
    """Every way in which a sealed log can fail to be what it was."""

    RECORD_CHANGED = "record_changed"
    COLUMNS_CHANGED = "columns_changed"
    NETWORK_MISSING = "network_missing"
    RECORD_MISSING = "record_missing"
    RECORD_FORGED = "record_forged"
    RECORD_BACKDATED = "record_backdated"
    LEAF_MISSING = "leaf_missing"
    LEAVES_CHANGED = "leaves_changed"
    LEAVES_UNSIGNED = "leaves_unsigned"
    NODE_CHANGED = "node_changed"
    CHECKPOINT_UNTRUSTED = "checkpoint_untrusted"
    CHECKPOINT_DISPLACED = "checkpoint_displaced"
    CHECKPOINT_MISSING = "checkpoint_missing"
    PRUNED_OTHERWISE = "pruned_otherwise"
    PRUNING_UNTRUSTED = "pruning_untrusted"
    LOG_CUT_OFF = "log_cut_off"
    LOG_REWRITTEN = "log_rewritten"
    TABLE_CHANGED = "table_changed"
    SPOOL_CHANGED = "spool_changed"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was sealed or signed."""

    kind: Kind
    text: str
    """A sentence without its full stop; of what is stored it repeats ids and names of columns alone."""
    index: int | None = None
    """The first entry it is about."""
    last_index: int | None = None
    """The last one, where it is about several."""
    access: UUID | None = None
    """The record, where it is about one."""

    def document(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "kind": self.kind.value,
            "text": self.text,
            "index": self.index,
            "last_index": self.last_index,
            "id": public(ACCESS_PREFIX, self.access) if self.access else None,
        }

    def sentence(self) -> str:
        """As people read it."""
        where = "" if self.index is None else f"entry {self.index}"
        if self.last_index is not None and self.last_index != self.index:
            where = f"entries {self.index} to {self.last_index}"
        named = public(ACCESS_PREFIX, self.access) if self.access else ""
        place = ", ".join(part for part in (where, named) if part)
        return f"{place}: {self.text}" if place else self.text
