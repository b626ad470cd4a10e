"""Backups: the erasure journal, its replay on a restored database, and the drill.

`petition backup journal|restored|drill`.
"""

from flask import Flask


def register(app: Flask) -> None:
    """Register the periodic task that writes the journal."""
    from petition.backups import tasks
    from petition.core.celery import register_task

    register_task(app, tasks.run_write_journal)
