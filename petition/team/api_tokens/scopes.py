"""What a token may be allowed to do, and which roles can allow it."""

from collections.abc import Iterable
from enum import StrEnum

from flask_babel import gettext as _

from petition.team.models import Account, TeamRole
from petition.team.permissions import list_partner_grants


class Scope(StrEnum):
    """What a token allows. A route names the one that it needs."""

    STATISTICS_READ = "statistics:read"
    SIGNATURES_READ = "signatures:read"
    SIGNATURES_WRITE = "signatures:write"
    SIGNATURES_MANAGE = "signatures:manage"
    PETITIONS_MANAGE = "petitions:manage"
    MAILINGS_MANAGE = "mailings:manage"


SCOPES = tuple(member.value for member in Scope)
# The roles that allow a scope at the desk; an admin has all. A token can do no more than its account.
ROLES_BY_SCOPE: dict[str, tuple[str, ...]] = {
    Scope.STATISTICS_READ: (TeamRole.CAMPAIGNER, TeamRole.SENDER),
    Scope.SIGNATURES_READ: (TeamRole.CAMPAIGNER,),
    Scope.SIGNATURES_WRITE: (TeamRole.CAMPAIGNER,),
    Scope.SIGNATURES_MANAGE: (TeamRole.CAMPAIGNER,),
    Scope.PETITIONS_MANAGE: (TeamRole.CAMPAIGNER,),
    Scope.MAILINGS_MANAGE: (TeamRole.SENDER,),
}
# The role of a partner in a petition that allows a scope there. None allows to see who signed.
PARTNER_ROLE_BY_SCOPE: dict[str, str] = {
    Scope.STATISTICS_READ: "viewer", Scope.PETITIONS_MANAGE: "editor", Scope.MAILINGS_MANAGE: "sender",
}  # fmt: skip


def list_grantable(account: Account, petition_id: int | None = None) -> list[str]:
    """Return the scopes that the roles of an account allow; of a partner's member, those in a petition."""
    if not account.active:
        return []
    if account.role_names or petition_id is None:
        return [scope for scope in SCOPES if account.role_names and account.has_any_role(*ROLES_BY_SCOPE[scope])]
    granted = list_partner_grants(account, petition_id)
    return [scope for scope in SCOPES if PARTNER_ROLE_BY_SCOPE.get(scope) in granted]


def scope_descriptions() -> dict[str, str]:
    """Return what each scope allows, in the reader's language."""
    return {
        Scope.STATISTICS_READ: _("read counts and statistics, also of drafts"),
        Scope.SIGNATURES_READ: _("read the signatures of those who agreed to be passed on"),
        Scope.SIGNATURES_WRITE: _("sign on behalf of a form of yours: each address still confirms by its email"),
        Scope.SIGNATURES_MANAGE: _("find all signatures and act on them, as on the desk"),
        Scope.PETITIONS_MANAGE: _("read, write, open and close petitions"),
        Scope.MAILINGS_MANAGE: _("read, write and send mailings"),
    }


def describe_scopes(scopes: Iterable[str]) -> str:
    """Return scopes as a list, in their order."""
    held = set(scopes)
    return ", ".join(scope for scope in SCOPES if scope in held)
