"""The periodic tasks of the count's log."""

from petition.count_log import log, timestamps


def append_to_logs() -> None:
    """Append what was confirmed, withdrawn or struck since the last time."""
    while log.append_batch() == log.BATCH_SIZE:
        pass


def run_timestamps() -> None:
    """Have the checkpoints timestamped that changed, if there is a service."""
    timestamps.timestamp_checkpoints()
