"""A signature as the team may see it: without what leads to a signer whose name is withheld."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, case, or_

from petition.signatures.models import Signature

# Empty where a name is withheld, unless the form said that the team sees it.
HIDDEN_FIELDS = frozenset(
    {"name", "withheld_name", "own_name", "email", "email_canonical", "profession", "city", "postal_code", "network"}
)
# The same as a condition of the database.
IS_HIDDEN: ColumnElement[bool] = and_(Signature.withheld_name.is_not(None), Signature.team_sees_name.is_(False))
IS_SEEN: ColumnElement[bool] = or_(Signature.withheld_name.is_(None), Signature.team_sees_name)


class TeamView:
    """A signature with the fields of one, some of them empty. Cannot be changed."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature

    if not TYPE_CHECKING:

        def __getattr__(self, field: str) -> Any:
            if field in HIDDEN_FIELDS and self.is_hidden:
                return ""
            return getattr(self._signature, "own_name" if field == "name" else field)

    @property
    def is_hidden(self) -> bool:
        """Whether the team must not see whose signature it is."""
        return is_hidden(self._signature)


def is_hidden(signature: Signature) -> bool:
    """Say whether the team must not see whose signature it is."""
    return signature.withheld_name is not None and not signature.team_sees_name


def for_team(signature: Signature) -> Any:
    """Return a signature as pages and commands of the team show it."""
    return TeamView(signature)


def all_for_team(signatures: Iterable[Signature]) -> list[Any]:
    """Return signatures as pages and commands of the team show them."""
    return [TeamView(signature) for signature in signatures]


def unless_hidden(column: Any) -> Any:
    """Return a column that is null where the team must not see whose signature it is."""
    return case((IS_HIDDEN, None), else_=column)
