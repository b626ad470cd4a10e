"""How a verb says no."""


class Refusal(Exception):
    """A request that cannot be granted as it stands; `errors` maps each field to what to do about it.

    Its messages are already in the reader's language and safe to show.
    """

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


class Gone(Refusal):
    """A request about something that is no longer there, or never was."""
