"""The part of a signer's data that the log's tables hold."""

from typing import Any

from flask import Flask

from petition.core.db import db
from petition.count_log.models import CountCommitment
from petition.signatures.models import Signature
from petition.signatures.personal.data_copy import register_data_source


def register(app: Flask) -> None:
    """Add the commitment to the copy of a signer's data."""
    register_data_source(app, "count_log", _list_commitment)


def _list_commitment(signature: Signature) -> list[dict[str, Any]]:
    row = db.session.get(CountCommitment, signature.id)
    if row is None:
        return []
    salt = bytes(row.salt).hex() if row.salt else None
    return [{"entry": row.entry_index, "statement": row.statement, "salt": salt}]
