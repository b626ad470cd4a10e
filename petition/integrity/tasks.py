"""Periodic tasks of integrity."""

from petition.integrity.detection import detect
from petition.integrity.mail_servers import look_up_mail_servers
from petition.integrity.retention import delete_old_clusters


def run_detection() -> None:
    """Look for clusters of signatures that look forged."""
    detect()


def run_look_up() -> None:
    """Ask DNS who receives the mail of new domains."""
    look_up_mail_servers()


def run_retention() -> None:
    """Delete clusters that are over."""
    delete_old_clusters()
