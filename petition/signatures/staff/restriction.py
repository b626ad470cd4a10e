"""Restrict the use of a signature at its signer's request, and lift that (GDPR, article 18)."""

from petition.backups import journal
from petition.backups.models import Act
from petition.core import clock
from petition.core.db import db
from petition.signatures.models import NamedWhen, Signature
from petition.signatures.personal.self_service import stop_all_news


def restrict(signature: Signature) -> bool:
    """Store a signature without using it: unlisted, no news, in no export. Return whether this call did it. Flushes.

    It still counts, which names nobody.
    """
    if signature.restricted_at is not None:
        return False
    stop_all_news(signature)
    signature.listed, signature.restricted_at = False, clock.now()
    if signature.withheld_name is not None:
        signature.named_when = NamedWhen.NEVER
    journal.record(Act.RESTRICTED, signature.id, signature.email_canonical)
    db.session.flush()
    return True


def lift(signature: Signature) -> bool:
    """End a restriction, and return whether there was one. Flushes.

    List and news stay off: they were switched off with it, and their signer can switch them on again.
    """
    if signature.restricted_at is None:
        return False
    signature.restricted_at = None
    journal.record(Act.LIFTED, signature.id, signature.email_canonical)
    db.session.flush()
    return True
