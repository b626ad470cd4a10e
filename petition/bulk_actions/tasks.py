"""What beat asks for the team."""

from petition.bulk_actions.runner import delete_drafts, run_all


def run_bulk_actions() -> None:
    """Go on with what people started on many rows."""
    run_all()


def run_retention() -> None:
    """Drop what was shown and never started."""
    delete_drafts()
