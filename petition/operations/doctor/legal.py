"""Check that whoever publishes can be known: a public site needs a legal notice before a petition on it is public."""

from petition.core.i18n import N_
from petition.operations.doctor.findings import Finding, ok, warning, wrong
from petition.operations.doctor.settings import is_local
from petition.petitions.legal.imprint import is_missing, is_required
from petition.petitions.queries import list_public

CHECK = "legal notice"
ADVICE = N_("Write it at %(page)s, or with: petition petitions notice FILE.md")


def check_legal_notice() -> list[Finding]:
    """Return whether every public petition has a legal notice, its own or that of the site."""
    if is_local() or not is_required():
        return []
    missing = [petition.slug for petition in list_public() if is_missing(petition.id)]
    page = "/desk/legal"
    if missing:
        text = N_("Public without a legal notice, which the law requires: %(petitions)s.")
        return [wrong(CHECK, text, ADVICE, petitions=", ".join(missing), page=page)]
    if is_missing(0):
        text = N_("There is no legal notice of the site: a petition without one of its own cannot be opened.")
        return [warning(CHECK, text, ADVICE, page=page)]
    return [ok(CHECK, N_("There is a legal notice."))]
