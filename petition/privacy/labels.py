"""Labels of requests, in the reader's language."""

from flask_babel import gettext as _


def request_labels(kind: str) -> dict[str, str]:
    """Return what a request asks for (`name`), its article, and what performing it does (`will`)."""
    return {
        "access": {
            "name": _("A copy of their data"), "article": "15",
            "will": _("Download the copy, send it to them, then mark the request as answered."),
        },
        "rectify": {
            "name": _("A correction"), "article": "16",
            "will": _(
                "Correct the details on the page of each signature. Another address is asked to confirm first: “Change "
                "the address”. Then mark the request as answered."
            ),
        },
        "stop_updates": {
            "name": _("No more news"), "article": "7(3)",
            "will": _("The news stops for every signature above. The signatures stay, and count."),
        },
        "restrict": {
            "name": _("A restriction"), "article": "18",
            "will": _(
                "Every signature above is stored and not used: not listed, not exported, no news. It still counts. You "
                "can lift the restriction on the page of the signature."
            ),
        },
        "object": {
            "name": _("An objection"), "article": "21",
            "will": _("The news stops, and the address is blocked: nothing is sent to it again. The signatures stay."),
        },
        "erase": {
            "name": _("Erasure"), "article": "17",
            "will": _(
                "Every signature above is deleted with all its details, and no longer counts. This cannot be undone. "
                "Their emails stay as dates and states, without the address."
            ),
        },
    }[kind]  # fmt: skip


def request_state_label(state: str) -> str:
    """Return what a request's state is called."""
    return {"open": _("open"), "done": _("answered"), "refused": _("refused")}.get(state, state)


def channel_label(channel: str) -> str:
    """Return how a request arrived."""
    return {
        "email": _("by email"), "letter": _("by letter"), "phone": _("by phone"), "other": _("otherwise"),
    }.get(channel, channel)  # fmt: skip


def outcome_label(name: str) -> str:
    """Return what was done, before how often."""
    return {
        "erased": _("signatures erased"), "stopped": _("news stopped"), "restricted": _("signatures restricted"),
        "suppressed": _("addresses blocked"), "forgotten": _("other rows deleted"), "found": _("signatures found"),
    }.get(name, name)  # fmt: skip
