"""Periodic tasks, in bounded batches, each in its own transaction."""

import time
from collections.abc import Callable

from petition.core.db import db
from petition.delivery.queues import MAINTENANCE
from petition.delivery.wakeup import clear_wakeup_flag
from petition.signatures.abuse import attacks, disposable
from petition.signatures.abuse.challenges import delete_expired_challenges
from petition.signatures.confirmation_codes.codes import delete_old_tries
from petition.signatures.listing import naming_ended, withheld
from petition.signatures.personal import own_signatures
from petition.signatures.personal.address_change import delete_old_changes
from petition.signatures.reminders import enqueue_reminders
from petition.signatures.retention import delete_expired, erase_disowned, erase_expired_networks
from petition.signatures.search.saved import delete_expired_searches
from petition.signatures.staff.quarantine import quarantine_many

MAX_RUN_SECONDS = 25.0  # what is left waits for the next run


def _run_in_batches(step: Callable[[], int]) -> None:
    deadline = time.monotonic() + MAX_RUN_SECONDS
    while step() and time.monotonic() < deadline:
        db.session.commit()
    db.session.commit()


def run_reminders() -> None:
    """Enqueue reminders to signers who have not confirmed after three days."""
    _run_in_batches(enqueue_reminders)


def run_release_names() -> None:
    """Show the names for which enough have signed; notify those that wait in vain; count those that wait."""
    _run_in_batches(withheld.release_names)
    _run_in_batches(naming_ended.end_waiting)
    withheld.count_waiting()
    db.session.commit()


def run_list_requests() -> None:
    """Process the requests for the list of what an address signed."""
    clear_wakeup_flag(MAINTENANCE)
    own_signatures.process_requests()


def watch_attacks() -> None:
    """Note the petitions that get unusually many unconfirmed signatures, whose forms ask for a proof of work."""
    attacks.watch()


def set_aside_disposable() -> None:
    """Quarantine confirmed signatures with disposable addresses, of the petitions that say so."""
    disposable.set_aside(lambda ids: quarantine_many(ids, None))


def run_retention() -> None:
    """Delete what has expired, and erase the network hashes and disowned details whose time is over."""
    delete_expired_searches()
    delete_old_changes()
    delete_expired_challenges()
    _run_in_batches(delete_expired)
    _run_in_batches(delete_old_tries)
    _run_in_batches(erase_disowned)
    _run_in_batches(erase_expired_networks)
