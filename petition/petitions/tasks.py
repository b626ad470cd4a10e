"""What beat asks of petitions."""

from celery import shared_task

from petition.petitions import figures, paper


@shared_task(name="petition.petitions.tasks.fold")
def run_fold() -> None:
    """Fold what was logged of the campaigns' figures."""
    while figures.fold() == figures.BATCH:
        pass


@shared_task(name="petition.petitions.tasks.tidy")
def run_tidy() -> None:
    """Drop the files that were read and never added."""
    paper.forget_drafts()
