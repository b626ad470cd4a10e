"""A bulk action as commands and the API give it."""

from typing import Any

from petition.bulk_actions.models import BulkAction


def represent_bulk_action(bulk_action: BulkAction) -> dict[str, Any]:
    """Return an action's progress. `left`: rows that were not reached yet."""
    return {
        "action": bulk_action.id, "verb": bulk_action.verb, "state": bulk_action.state, "total": bulk_action.total,
        "done": bulk_action.done, "skipped": bulk_action.skipped,
        "left": bulk_action.total - bulk_action.done - bulk_action.skipped,
    }  # fmt: skip
