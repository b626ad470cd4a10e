"""Labels of roles, in the reader's language."""

from flask_babel import gettext as _

from petition.team.models import TeamRole


def role_descriptions() -> dict[str, str]:
    """Return what each role lets people do, in the reader's language."""
    return {
        TeamRole.OPERATOR: _("watches the mail queue and acts on it"),
        TeamRole.CAMPAIGNER: _("runs petitions and their signatures"),
        TeamRole.SENDER: _("sends follow-up mailings"),
        TeamRole.ADMIN: _("may do everything, and invites the others"),
    }
