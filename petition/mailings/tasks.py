"""What beat asks of the mailings."""

from petition.mailings.scheduler import process_mailings


def run_process_mailings() -> None:
    """Count, begin, keep pace, stop, end."""
    process_mailings()
