"""Periodic tasks of documents."""

from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import clear_wakeup_flag
from petition.exports.documents import dossiers, store

MAX_TASK_SECONDS = 25.0


def make_documents() -> None:
    """Make the documents that are wanted."""
    clear_wakeup_flag(MAINTENANCE)
    store.make_requested(MAX_TASK_SECONDS)


def make_dossiers() -> None:
    """Make the dossiers that the team asked for."""
    clear_wakeup_flag(MAINTENANCE)
    dossiers.make_requested()


def request_missing_cards() -> None:
    """Ask for the cards that no petition should be without."""
    store.request_missing_cards()


def run_retention() -> None:
    """Delete what was made for a moment, and erase dossiers whose signers are anonymised."""
    store.delete_old()
    dossiers.erase_anonymised()
