"""Periodic tasks of petitions."""

from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import clear_wakeup_flag
from petition.petitions.paper import importer
from petition.petitions.statistics import campaign


def roll_up_statistics() -> None:
    """Roll up the log of the campaigns' statistics."""
    while campaign.roll_up_batch() == campaign.ROLLUP_BATCH_SIZE:
        pass


def read_paper_files() -> None:
    """Read the paper files that were uploaded."""
    clear_wakeup_flag(MAINTENANCE)
    importer.read_all()


def delete_stale_paper_drafts() -> None:
    """Delete the paper files that were uploaded and never added."""
    importer.delete_stale_drafts()
