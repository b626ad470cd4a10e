"""Bulk actions: one action on many rows, prepared first, then run in batches by a worker, stopped and undone.

A feature registers what one batch of its action does.
"""

from flask import Flask


def register(app: Flask) -> None:
    """Register the state labels and the tasks that run the batches."""
    from petition.bulk_actions import labels, tasks
    from petition.core.celery import register_task

    app.add_template_global(labels.bulk_action_state_label)
    register_task(app, tasks.run_bulk_actions)
    register_task(app, tasks.run_retention)
