"""Labels and descriptions of roles, in the reader's language."""

from collections.abc import Iterable

from flask_babel import gettext as _

from petition.team.models import TeamRole


def role_labels() -> dict[str, str]:
    """Return the name of each role, by role."""
    return {
        TeamRole.OPERATOR: _("Operator"),
        TeamRole.CAMPAIGNER: _("Campaigner"),
        TeamRole.SENDER: _("Sender"),
        TeamRole.ADMIN: _("Administrator"),
    }


def list_role_labels(roles: Iterable[str]) -> str:
    """Return the names of roles, separated by commas."""
    labels = role_labels()
    return ", ".join(labels.get(role, role) for role in roles)


def role_descriptions() -> dict[str, str]:
    """Return what each role allows, by role."""
    return {
        TeamRole.OPERATOR: _("monitors and controls the mail queue"),
        TeamRole.CAMPAIGNER: _("manages petitions and their signatures"),
        TeamRole.SENDER: _("sends follow-up mailings"),
        TeamRole.ADMIN: _("has all permissions, and manages the team"),
    }
