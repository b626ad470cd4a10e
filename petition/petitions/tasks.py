"""Periodic tasks of petitions."""

from petition.petitions import statistics
from petition.petitions.paper import importer


def roll_up_statistics() -> None:
    """Roll up the log of the campaigns' statistics."""
    while statistics.roll_up_batch() == statistics.ROLLUP_BATCH_SIZE:
        pass


def delete_stale_paper_drafts() -> None:
    """Delete the paper files that were read and never added."""
    importer.delete_stale_drafts()
