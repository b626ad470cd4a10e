"""Who may write in the name of which partner, and to the signers of which petitions.

A mailing is the team's, or one partner's. A partner's is written, tested and sent by its own members alone, who are
sender or owner in every petition that it goes to; the team may stop it. The statements on the audience ask for the same
again, so that a partner who left reaches nobody.
"""

from collections.abc import Collection, Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select

from petition.core.db import db
from petition.core.exceptions import InvalidTransition, ValidationError
from petition.core.ids import find_by_id
from petition.mailings.models import Mailing
from petition.petitions.partners.access import Subject, is_outsider, list_own
from petition.petitions.partners.models import GRANTS, Partner, PartnerRole, Partnership
from petition.team.models import Account


class NotTheAuthor(InvalidTransition):
    """A mailing of a partner, by somebody who does not write for it."""

    def __init__(self) -> None:
        super().__init__({"partner": _("only the partner whose mailing it is can do this")})


def list_sending(account: Account) -> list[Partnership]:
    """Return the partnerships in which an account may write to signers."""
    return [row for row in list_own(account) if row.role in GRANTS[PartnerRole.SENDER]]


def list_partners(account: Account) -> list[Partner]:
    """Return the partners in whose name an account may write, each once, by name."""
    partners = {row.partner_id: row.partner for row in list_sending(account)}
    return sorted(partners.values(), key=lambda partner: (partner.name, partner.id))


def find_subject(mailing_id: int) -> Subject | None:
    """Return the partner and the petitions of a partner's mailing; None for the team's, which partners do not see."""
    mailing = find_by_id(Mailing, mailing_id)
    if mailing is None or mailing.partner_id is None:
        return None
    return Subject(frozenset(mailing.segment["petitions"]), mailing.partner_id)


def may_write(account: Account, partner_id: int, petitions: Collection[int]) -> bool:
    """Say whether an account may write to the signers of petitions in a partner's name."""
    return set(petitions) <= {row.petition_id for row in list_sending(account) if row.partner_id == partner_id}


def is_author(account: Account, mailing: Mailing) -> bool:
    """Say whether an account may write and send a mailing, as far as its sender is concerned."""
    return mailing.partner_id is None or may_write(account, mailing.partner_id, mailing.segment["petitions"])


def require_author(account: Account, mailing: Mailing) -> None:
    """Raise `NotTheAuthor` unless the account may write and send a mailing."""
    if not is_author(account, mailing):
        raise NotTheAuthor


def restrict(query: Select[Any], account: Account) -> Select[Any]:
    """Return a query of mailings that finds those that an account may see: all, or its partners' own."""
    if not is_outsider(account):
        return query
    sending = list_sending(account)
    petitions: Any = Mailing.segment["petitions"]
    return query.where(
        Mailing.partner_id.in_({row.partner_id for row in sending}),
        petitions.contained_by([row.petition_id for row in sending]),
    )


def parse_sender(form: Mapping[str, Any], account: Account | None, segment: Mapping[str, Any]) -> Partner | None:
    """Return the partner that a draft names as its sender, None for the team. Raises `ValidationError`.

    `account`: who writes it; None for a command, which writes for the team.
    """
    chosen = str(form.get("partner") or "")
    if not chosen and not (account and is_outsider(account)):
        return None
    partners = {str(partner.id): partner for partner in list_partners(account)} if account else {}
    partner = partners.get(chosen)
    if account is None or partner is None:
        raise ValidationError({"partner": _("choose one of the organisations that you write for")})
    if not may_write(account, partner.id, segment.get("petitions", [])):
        message = _("choose only petitions in which %(name)s may write to signers", name=partner.name)
        raise ValidationError({"petitions": message})
    for field in ("received", "not_received"):
        other = db.session.get(Mailing, segment[field]) if segment.get(field) else None
        if segment.get(field) and (other is None or other.partner_id != partner.id):
            raise ValidationError({field: _("choose a mailing of the same organisation")})
    return partner
