"""Domain exceptions: mapped to HTTP answers in `error_handlers`, and to one line in commands by `cli_support`.

A feature raises these or subclasses of its own; callers tell them apart by type, never by message.
"""


class DomainError(Exception):
    """A request that cannot be carried out. `errors` maps each field at fault to what to do about it.

    Messages are in the reader's language and safe to show.
    """

    def __init__(self, errors: dict[str, str] | None = None) -> None:
        self.errors = errors or {}
        super().__init__("; ".join(self.errors.values()))


class ValidationError(DomainError):
    """Input that is missing, malformed or out of bounds."""


class NotFound(DomainError):
    """Something that does not exist, or no longer does."""


class TakenDown(DomainError):
    """Something that was taken down on purpose."""


class Conflict(DomainError):
    """A request that contradicts what is stored: a name already taken, a row that changed meanwhile."""


class InvalidTransition(Conflict):
    """A step that the current state does not allow."""


class InvalidLink(DomainError):
    """A mailed link that is malformed, expired, replaced or used up."""
