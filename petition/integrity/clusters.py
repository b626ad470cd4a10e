"""Group the newest signatures of a petition by what they have in common, and keep the groups that may be clusters."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Row

from petition.core.db import db
from petition.core.hashing import keyed_hashes
from petition.delivery.pacing.providers import get_registrable
from petition.integrity import queries
from petition.integrity.models import ClusterKind
from petition.integrity.signals import Candidate
from petition.safeguards.mail_providers import find_small_domain

MAX_ROWS = 100_000  # signatures of a window
MAX_GROUPS = 20_000
MIN_SPELLINGS = 4  # of one mailbox: people have two
# Who receives mail for so many organisations that having one in common says nothing. By the registrable domain of the
# mail server, as `mail_domains` has it.
_HOSTING_PROVIDERS = """
    1and1.com 1and1.fr amazonaws.com antispamcloud.com barracudanetworks.com gandi.net google.com googlemail.com
    hostinger.com icloud.com iphmx.com infomaniak.ch infomaniak.com ionos.com ionos.fr kundenserver.de
    mailbox.org mailinblack.com messagelabs.com mimecast.com one.com online.net outlook.com ovh.com ovh.net
    o2switch.net pphosted.com ppe-hosted.com protonmail.ch proton.ch registrar-servers.com renater.fr
    secureserver.net vadesecure.com yandex.net zoho.com zoho.eu
"""
HOSTING_PROVIDERS = frozenset(_HOSTING_PROVIDERS.split())


@dataclass
class Group:
    """A candidate, with how to find its signatures: by domains, by a network's hash, or by their ids."""

    candidate: Candidate
    confirmed: int
    counted: int
    first_at: datetime
    last_at: datetime
    keys: list[str]
    ids: list[int] = field(default_factory=list)


@dataclass
class Window:
    """What a petition's newest signatures have in common."""

    petition_id: int
    first_id: int
    total: int
    groups: list[Group]
    large_domains: list[str]


def read_window(petition_id: int, now: datetime) -> Window | None:
    """Return the groups of a petition's window that are large enough to be looked at, the largest first."""
    config = current_app.config
    since = now - timedelta(hours=config["PETITION_INTEGRITY_WINDOW"])
    values = {"petition_id": petition_id, "since": since, "now": now, "max_rows": MAX_ROWS}
    first_id, total = db.session.execute(queries.SELECT_FIRST_ID, values).one()
    if first_id is None:
        return None
    minimum = config["PETITION_INTEGRITY_CLUSTER"]
    values = {"petition_id": petition_id, "first_id": first_id, "max_groups": MAX_GROUPS}
    domains = db.session.execute(queries.COUNT_BY_DOMAIN, values).all()
    networks = db.session.execute(queries.COUNT_BY_NETWORK, values | {"minimum": minimum}).all()
    mailboxes = db.session.execute(queries.COUNT_BY_MAILBOX, values | {"minimum": MIN_SPELLINGS}).all()
    groups = _group_domains(domains, total, minimum)
    groups += [
        _make(ClusterKind.NETWORK, row.key, [row], total, keys=[row.key]) for row in networks
    ]  # fmt: skip
    for row in mailboxes:
        group = _make(ClusterKind.MAILBOX, keyed_hashes("mailbox cluster", row.key)[0], [row], total, names=row.names)
        group.ids = list(row.ids)
        groups.append(group)
    large = [row.domain for row in domains if find_small_domain(row.domain) is None]
    return Window(petition_id, first_id, total, sorted(groups, key=lambda group: -group.candidate.n), large)


def list_ids(window: Window, group: Group) -> list[int]:
    """Return the signatures of a group, the newest first."""
    if group.candidate.kind == ClusterKind.MAILBOX:
        return group.ids
    is_network = group.candidate.kind == ClusterKind.NETWORK
    return _select_ids(
        window, queries.SELECT_IDS_BY_NETWORK if is_network else queries.SELECT_IDS_BY_DOMAIN, group.keys
    )


def list_reference_ids(window: Window) -> list[int]:
    """Return the signatures at large providers: those of most people, which nobody who forges has by the thousand."""
    return _select_ids(window, queries.SELECT_IDS_BY_DOMAIN, window.large_domains)


def _select_ids(window: Window, query: Any, keys: list[str]) -> list[int]:
    values = {"petition_id": window.petition_id, "first_id": window.first_id, "keys": keys, "max_rows": MAX_ROWS}
    return [row.id for row in db.session.execute(query, values)]


def _group_domains(rows: Sequence[Row[Any]], total: int, minimum: int) -> list[Group]:
    """Group domains by who registered them, and by who receives their mail."""
    by_domain: dict[str, list[Row[Any]]] = defaultdict(list)
    by_server: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        if (registrable := find_small_domain(row.domain)) is None:
            continue
        by_domain[registrable].append(row)
        if row.provider and row.provider not in HOSTING_PROVIDERS:
            by_server[row.provider].append(row)
    groups = []
    for kind, found in ((ClusterKind.DOMAIN, by_domain), (ClusterKind.MAIL_SERVER, by_server)):
        for key, own in found.items():
            domains = {get_registrable(row.domain) for row in own}
            if kind == ClusterKind.MAIL_SERVER and len(domains) == 1:
                continue  # the cluster of the domain says the same
            if sum(row.n for row in own) >= minimum:
                keys = [row.domain for row in own]
                groups.append(_make(kind, key, own, total, keys=keys, domains=len(domains)))
    return groups


def _make(
    kind: ClusterKind, key: str, rows: Sequence[Row[Any]], total: int, *,
    keys: list[str] | None = None, domains: int = 1, names: int = 0,
) -> Group:  # fmt: skip
    n = sum(row.n for row in rows)
    return Group(
        Candidate(kind, key, n, n / max(total, 1), domains, names),
        sum(row.confirmed for row in rows),
        sum(row.counted for row in rows),
        min(row.first_at for row in rows),
        max(row.last_at for row in rows),
        keys or [],
    )
