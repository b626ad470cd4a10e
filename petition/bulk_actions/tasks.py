"""Periodic tasks of bulk actions."""

from petition.bulk_actions.runner import delete_drafts, run_all
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import clear_wakeup_flag


def run_bulk_actions() -> None:
    """Run batches of the actions that were started."""
    clear_wakeup_flag(MAINTENANCE)
    run_all()


def run_retention() -> None:
    """Delete the actions that were prepared and never started."""
    delete_drafts()
