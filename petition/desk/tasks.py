"""Periodic tasks of the team's home."""

from petition.core.db import db
from petition.desk.queries import COUNT_OPT_INS


def count_opt_ins() -> None:
    """Count the signers who agreed to news, for the home and the overviews."""
    db.session.execute(COUNT_OPT_INS)
    db.session.commit()
