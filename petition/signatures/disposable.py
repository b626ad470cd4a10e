"""What a petition does with addresses at disposable domains: its policy is `Petition.disposable_addresses`."""

from flask_babel import gettext as _

from petition.petitions.models import DisposablePolicy, Petition
from petition.safeguards.disposable_domains import is_disposable
from petition.safeguards.email_addresses import Address


def find_policy_error(petition: Petition, address: Address) -> str | None:
    """Return why an address cannot sign, and what to do; None if it can. Looks at the domain alone, for everybody."""
    if petition.disposable_addresses != DisposablePolicy.REFUSE or not is_disposable(address.canonical):
        return None
    return _(
        "Addresses at %(domain)s are thrown away after use, and cannot sign this. Please write one that you keep: it "
        "is never published.",
        domain=address.typed.rpartition("@")[2],
    )


def should_quarantine(policy: str, email_canonical: str) -> bool:
    """Return whether a signature with this address is set aside under a petition's policy."""
    return policy == DisposablePolicy.QUARANTINE and is_disposable(email_canonical)
