import pytest
from support.factories import make_mailing, make_petition, make_signature

from petition.core.db import db
from petition.delivery.models import Delivery
from petition.delivery.suppressions.suppression_list import hash_address


@pytest.fixture
def delivery(app):
    """Return a delivery of a mailing to a signer who agreed to updates."""
    petition = make_petition()
    signature = make_signature(petition, email="zoe@example.org", state="confirmed", updates=True)
    mailing = make_mailing(petition, state="sending")
    db.session.query(Delivery).delete()
    row = Delivery(
        kind="mailing", queue="mailings", petition_id=signature.petition_id, subject_id=signature.id,
        generation=mailing.id, mailing_id=mailing.id, state="sent", domain="example.org",
        address_hash=hash_address("zoe@example.org")[0],
    )  # fmt: skip
    db.session.add(row)
    db.session.commit()
    return row
