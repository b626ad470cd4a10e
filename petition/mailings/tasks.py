"""What beat asks of the mailings."""

from celery import shared_task

from petition.mailings.watch import watch


@shared_task(name="petition.mailings.tasks.watch")
def run_watch() -> None:
    """Count, begin, keep pace, stop, end."""
    watch()
