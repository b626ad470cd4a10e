"""Labels of the roles of partners, in the reader's language."""

from flask_babel import gettext as _

from petition.petitions.partners.models import PartnerRole


def partner_role_labels() -> dict[str, str]:
    """Return the name of each role, by role."""
    return {
        PartnerRole.OWNER: _("Owner"),
        PartnerRole.EDITOR: _("Editor"),
        PartnerRole.SENDER: _("Writes to its signers"),
        PartnerRole.VIEWER: _("Reader"),
    }


def partner_role_descriptions() -> dict[str, str]:
    """Return what each role allows, by role."""
    return {
        PartnerRole.OWNER: _("edits it, opens and closes it, and writes to those who agreed to its own news"),
        PartnerRole.EDITOR: _("edits the text, the settings, the images and the news on its page"),
        PartnerRole.SENDER: _("writes to those who agreed to its own news"),
        PartnerRole.VIEWER: _("sees the statistics"),
    }
