"""Tell the trouble of one recipient's provider from the trouble of our mail server.

A 421 in answer to a recipient or at the end of DATA may mean either: Yahoo defers single emails with it ([TSS04]), and
a server that shuts down says it to everybody. It is the email's trouble until mail to another provider meets the same;
only then all workers back off from the server, with each such reply until it takes an email, and from no provider for
it. What is suspected is a row in PostgreSQL, which all workers see.
"""

from petition.core.db import db
from petition.delivery.pauses import MAX_SERVER_BACKOFF_SECONDS
from petition.delivery.queries import REPORT_REJECTION
from petition.delivery.queues import SERVER
from petition.delivery.smtp.responses import Outcome


def report_rejection(provider: str, outcome: Outcome, scope: str = SERVER) -> bool:
    """Report a reply that may be of the recipient's provider or of our server; return whether all workers back off.

    They do once mail to another provider met the same, with no other reply of the server in between
    (`results.record_results`). `scope`: of the server's back-off, as in `pauses.back_off_server`. Flushes.
    """
    parameters = {
        "server": scope,
        "reason": outcome.reason or "the mail server refused",
        "domain": provider[:255],
        "max_seconds": MAX_SERVER_BACKOFF_SECONDS,
    }
    backs_off = db.session.scalar(REPORT_REJECTION, parameters)
    return backs_off is not False  # no row: a back-off that another worker began lasts
