"""Labels of a bulk action's states, in the reader's language."""

from flask_babel import gettext as _


def bulk_action_state_label(state: str) -> str:
    """Return the label of a bulk action's state."""
    return {
        "running": _("running"), "stopped": _("stopped"), "done": _("done"), "draft": _("not started"),
    }.get(state, state)  # fmt: skip
