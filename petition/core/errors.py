"""How a verb says no."""

from typing import Any


class Refusal(Exception):
    """A request that cannot be granted as it stands; `errors` maps each field to what to do about it.

    Its messages are already in the reader's language and safe to show.
    """

    def __init__(self, errors: dict[str, str], **extra: Any) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = errors
        self.extra = extra


class Gone(Refusal):
    """A request about something that is no longer there, or never was."""
