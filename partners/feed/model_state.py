"""A model in memory while a batch is applied."""


class ModelState:
    """A model, who has no number until the new row is written."""

    def __init__(self, model_id: str, *, number: int | None = None, name: str = "", stamp: str = "") -> None:
        """Take what is stored, or nothing but the id of a new model."""
        self.id = model_id
        self.number = number
        self.name = name
        self.stamp = stamp
        self.changed = False
