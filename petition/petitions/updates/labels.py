"""Labels of a petition's updates."""

from flask_babel import gettext as _

from petition.petitions.updates.models import UpdateKind


def update_kind_labels() -> dict[str, str]:
    """Return what each kind of update is called, by kind."""
    return {
        UpdateKind.UPDATE: _("A piece of news"),
        UpdateKind.HANDED_OVER: _("Handed over"),
        UpdateKind.ANSWER: _("The answer"),
        UpdateKind.OUTCOME: _("The outcome"),
    }
