"""Labels of roles, of credentials, and of who acted, in the reader's language."""

import re
from collections.abc import Iterable

from flask_babel import gettext as _

from petition.team import credentials
from petition.team.models import TeamRole

TERMINAL_PATTERN = re.compile(r"terminal(?::(?P<user>.*?)(?: \(sudo by (?P<caller>.*)\))?)?")  # audit.default_actor


def actor_label(actor: str | None) -> str:
    """Return who acted, as the team reads it: a command's user in words, anybody else as they are named."""
    found = TERMINAL_PATTERN.fullmatch(actor or "")
    if not found:
        return actor or ""
    user, caller = found["user"], found["caller"]
    if caller:
        return _("%(caller)s, at the terminal of the server as %(user)s", caller=caller, user=user)
    return (
        _("%(user)s, at the terminal of the server", user=user) if user else _("somebody at the terminal of the server")
    )


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


def list_roles_with_descriptions(roles: Iterable[str]) -> list[str]:
    """Return the name of each role with what it allows."""
    labels, descriptions = role_labels(), role_descriptions()
    return [
        _("%(label)s: %(message)s", label=labels[role], message=descriptions[role]) for role in roles if role in labels
    ]


def role_descriptions() -> dict[str, str]:
    """Return what each role allows, by role."""
    return {
        TeamRole.OPERATOR: _("monitors and controls the mail queue"),
        TeamRole.CAMPAIGNER: _("manages petitions and their signatures"),
        TeamRole.SENDER: _("sends follow-up mailings"),
        TeamRole.ADMIN: _("has all permissions, and manages the team"),
    }


def credential_change_labels() -> dict[str, str]:
    """Return what happened to an account, as a sentence to its owner, by action of the audit trail."""
    return {
        credentials.PASSWORD_CHANGED: _("The password of your account was changed."),
        credentials.PASSWORD_RESET: _("A new password for your account was chosen with a link sent to this address."),
        credentials.AUTHENTICATOR_SET: _("An authenticator app was set up for your account."),
        credentials.RECOVERY_CODES_CREATED: _("New recovery codes were created for your account."),
        credentials.RECOVERY_CODE_USED: _("A recovery code was used to sign in to your account."),
        credentials.PASSKEY_ADDED: _("A passkey was added to your account."),
        credentials.PASSKEY_DELETED: _("A passkey was deleted from your account."),
        credentials.PROVIDER_LINKED: _(
            "Somebody signed in to your account with your organisation's sign-in, which is now a way in."
        ),
        credentials.PROVIDER_UNLINKED: _(
            "An administrator undid the link of your account to your organisation's sign-in."
        ),
        credentials.SECOND_FACTOR_RESET: _(
            "An administrator reset two-factor authentication for your account: you set it up again when you sign in."
        ),
    }
