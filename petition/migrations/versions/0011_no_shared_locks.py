"""Signatures without foreign keys: each was checked by locking a row that all who sign at once share."""

from alembic import op

revision = "0011"
down_revision = "0010"

KEYS = {"petition_id": "petitions", "updates_wording_id": "consent_wordings"}


def upgrade() -> None:
    for column in KEYS:
        op.drop_constraint(op.f(f"fk_signatures_{column}"), "signatures", type_="foreignkey")
