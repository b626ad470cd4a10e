"""The partners that a petition has now: for its form, its statistics, and `?via=`."""

from sqlalchemy import select

from petition.core.cache import get_or_create
from petition.core.db import read_detached
from petition.petitions.models import Petition
from petition.petitions.partners.models import Partner, Partnership


def list_current(petition: Petition) -> list[Partnership]:
    """Return the partnerships of a petition that go on, by the partner's name; detached, for reading only.

    Cached by the petition's version, which every change of its partners increments. Without partners, no look-up.
    """
    if not petition.has_partners:
        return []
    query = (
        select(Partnership)
        .join(Partnership.partner)
        .where(Partnership.petition_id == petition.id, Partnership.left_at.is_(None))
        .order_by(Partner.name, Partner.id)
    )
    found: list[Partnership] = get_or_create(
        ("partnerships", petition.id, petition.version), lambda: read_detached(query)
    )
    return found


def list_keys(petition: Petition) -> frozenset[str]:
    """Return the keys that `?via=` may name for a petition."""
    return frozenset(partnership.partner.key for partnership in list_current(petition))
