"""What clusters and signals are called, in the reader's language."""

from flask_babel import format_percent
from flask_babel import gettext as _

from petition.integrity.models import ClusterKind, IntegrityCluster, Signal

HASH_CHARACTERS_SHOWN = 8


def cluster_label(cluster: IntegrityCluster) -> str:
    """Return what the signatures of a cluster have in common."""
    short = cluster.key[:HASH_CHARACTERS_SHOWN]
    return {
        ClusterKind.DOMAIN: _("Addresses at %(domain)s", domain=cluster.key),
        ClusterKind.MAIL_SERVER: _("Domains whose mail %(server)s receives", server=cluster.key),
        ClusterKind.MAILBOX: _("One mailbox in several spellings (%(hash)s)", hash=short),
        ClusterKind.NETWORK: _("One network (%(hash)s)", hash=short),
    }[ClusterKind(cluster.kind)]


def signal_label(name: str, values: list[float]) -> str:
    """Return what a signal says, with what was observed and what was to be expected."""
    observed, expected = format_percent(values[0]), format_percent(values[1])
    number = round(values[0])
    return {
        Signal.LARGE: _("%(share)s of all signatures of the time", share=observed),
        Signal.SCATTERED: _("spread over many networks"),
        Signal.NEW_DOMAINS: _("%(number)s domains, few signatures at each", number=number),
        Signal.SPELLINGS: _("%(number)s spellings of one mailbox", number=number),
        Signal.NAMES: _("%(number)s different names", number=number),
        Signal.HURRIED: _(
            "nobody hesitates: %(share)s confirm within minutes, elsewhere %(usual)s", share=observed, usual=expected
        ),
        Signal.ELSEWHERE: _(
            "confirmed from another network: %(share)s from the same one, elsewhere %(usual)s",
            share=observed, usual=expected,
        ),
        Signal.COPIED: _(
            "names of other signers: %(share)s, elsewhere %(usual)s", share=observed, usual=expected
        ),
        Signal.UNRELATED: _(
            "addresses that have nothing of the name: %(share)s, elsewhere %(usual)s", share=observed, usual=expected
        ),
        Signal.SAME_BOXES: _(
            "all tick the same boxes: %(share)s, elsewhere %(usual)s", share=observed, usual=expected
        ),
        Signal.REGULAR: _("at regular intervals"),
        Signal.TOGETHER: _("in their favour: they are in one place, %(share)s in one network", share=observed),
    }[Signal(name)]  # fmt: skip


def trend_label(name: str) -> str:
    """Return the title of a plot."""
    return {
        "domains": _("Domains that most signatures come from, by hour"),
        "networks": _("Networks that most signatures come from, by hour"),
    }[name]
