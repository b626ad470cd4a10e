"""Domain exceptions, mapped to HTTP answers in `error_handlers` and to one line in commands."""


class DomainError(Exception):
    """A request that cannot be carried out as it stands; `errors` maps each field to what to do about it.

    Messages are in the reader's language and safe to show.
    """

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


class ValidationError(DomainError):
    """Input that is missing, malformed or out of bounds."""


class NotFound(DomainError):
    """Something that does not exist, or no longer."""


class Conflict(DomainError):
    """A request that contradicts what is stored: a name that is taken, a row that changed meanwhile."""


class InvalidTransition(Conflict):
    """A step that the state does not allow."""


class InvalidLink(DomainError):
    """A link that is not valid, or no longer."""
