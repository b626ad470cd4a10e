"""The periodic task of the count's log."""

from petition.count_log import log


def append_to_logs() -> None:
    """Append what was confirmed, withdrawn or struck since the last time."""
    while log.append_batch() == log.BATCH_SIZE:
        pass
