"""What beat asks of petitions."""

from celery import shared_task

from petition.petitions import figures


@shared_task(name="petition.petitions.tasks.fold")
def run_fold() -> None:
    """Fold what was logged of the campaigns' figures."""
    while figures.fold() == figures.BATCH:
        pass
