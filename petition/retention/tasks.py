"""Periodic tasks of retention, in bounded batches, each in its own transaction."""

from petition.retention.announcements import announce_due
from petition.retention.anonymise import anonymise_due
from petition.retention.folding import fold_old

# What is left waits for the next run: other tasks of the maintenance worker wait meanwhile.
MAX_ANONYMISATION_SECONDS = 5.0
MAX_FOLDING_SECONDS = 10.0


def run_anonymisation() -> None:
    """Tell the team what will be anonymised, and anonymise what is due."""
    announce_due()
    anonymise_due(MAX_ANONYMISATION_SECONDS)


def run_folding() -> None:
    """Fold old emails into daily counts."""
    fold_old(MAX_FOLDING_SECONDS)
