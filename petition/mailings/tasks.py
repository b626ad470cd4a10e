"""Celery tasks of mailings."""

from petition.mailings.scheduler import process_mailings


def run_process_mailings() -> None:
    """Run the periodic work on mailings."""
    process_mailings()
