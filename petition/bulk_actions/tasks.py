"""What beat asks for the team."""

from petition.bulk_actions.runner import delete_drafts, run_all
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import clear_wakeup_flag


def run_bulk_actions() -> None:
    """Go on with what people started on many rows."""
    clear_wakeup_flag(MAINTENANCE)
    run_all()


def run_retention() -> None:
    """Drop what was shown and never started."""
    delete_drafts()
