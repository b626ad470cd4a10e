"""What beat asks for the team."""

from celery import shared_task

from petition.team.runs import TASK, forget_drafts, work_on_all


@shared_task(name=TASK)
def run_act() -> None:
    """Go on with what people started on many rows."""
    work_on_all()


@shared_task(name="petition.team.tasks.tidy")
def run_tidy() -> None:
    """Drop what was shown and never started."""
    forget_drafts()
