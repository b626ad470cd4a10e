"""Learn from DNS who receives the mail of signers' domains: for signals, where DNS answers."""

from flask import current_app

from petition.core.db import db
from petition.delivery.pacing.providers import find_providers
from petition.integrity import queries
from petition.integrity.models import DetectionMode
from petition.safeguards.mail_providers import find_small_domain

MAX_ROWS = 5_000  # newest signatures whose domains are looked at
MAX_DOMAINS = 200  # of one pass
DOMAINS_AT_ONCE = 50


def look_up_mail_servers() -> int:
    """Ask for the mail servers of new domains, and return how many were asked for. Commits.

    Answers are kept in `mail_domains`, as those for pacing are, for a day. Every wait is bounded
    (`delivery/pacing/mx_lookup.py`), and large providers are not asked about.
    """
    if (
        not current_app.config["PETITION_INTEGRITY_DNS"]
        or current_app.config["PETITION_INTEGRITY"] == DetectionMode.OFF
    ):
        return 0
    values = {"max_rows": MAX_ROWS, "max_domains": MAX_DOMAINS}
    found = db.session.scalars(queries.SELECT_UNKNOWN_DOMAINS, values).all()
    db.session.commit()
    domains = [domain for domain in found if find_small_domain(domain) is not None]
    for start in range(0, len(domains), DOMAINS_AT_ONCE):
        find_providers(domains[start : start + DOMAINS_AT_ONCE])
    return len(domains)
