"""What the team is alerted of by email, and whom each alert concerns."""

from enum import StrEnum

from flask_babel import gettext as _

from petition.team.models import Account, TeamRole


class AlertKind(StrEnum):
    """A kind of alert, which each member can switch off."""

    MILESTONE = "milestone"
    CLOSING = "closing"
    DIGEST = "digest"
    TROUBLE = "trouble"
    DATA = "data"
    INTEGRITY = "integrity"
    ATTACK = "attack"
    WEBHOOK = "webhook"


# By kind: the roles it goes to. Administrators get all.
ALERT_ROLES = {
    AlertKind.MILESTONE: (TeamRole.CAMPAIGNER, TeamRole.SENDER),
    AlertKind.CLOSING: (TeamRole.CAMPAIGNER, TeamRole.SENDER),
    AlertKind.DIGEST: (TeamRole.CAMPAIGNER,),
    AlertKind.TROUBLE: (TeamRole.OPERATOR,),
    AlertKind.DATA: (TeamRole.CAMPAIGNER,),
    AlertKind.INTEGRITY: (TeamRole.CAMPAIGNER,),
    AlertKind.ATTACK: (TeamRole.CAMPAIGNER,),
    AlertKind.WEBHOOK: (TeamRole.CAMPAIGNER,),
}


def alert_labels() -> dict[str, str]:
    """Return what each kind of alert says, by kind."""
    return {
        AlertKind.MILESTONE: _("When a campaign reaches a goal"),
        AlertKind.CLOSING: _("When a campaign closes within a week"),
        AlertKind.DIGEST: _("Each morning: new signatures, and names to review, if there are any"),
        AlertKind.TROUBLE: _("When something is wrong with the mail or the server, and when it is over"),
        AlertKind.DATA: _(
            "When a request about data must be answered within a week, or a restriction outlives its petition"
        ),
        AlertKind.INTEGRITY: _("When signatures are quarantined because they look forged, once an hour at most"),
        AlertKind.ATTACK: _("When robots begin to sign a petition: its form then asks browsers for a calculation"),
        AlertKind.WEBHOOK: _("When a webhook was switched off by its receiver, or events were given up"),
    }


def list_kinds(account: Account) -> list[AlertKind]:
    """Return the kinds that concern an account's roles."""
    return [kind for kind, roles in ALERT_ROLES.items() if account.has_any_role(*roles)]
