"""Create and change partners, their members and their petitions.

Functions flush and do not commit. Errors have their messages in the reader's language, by form field. Whoever changes
the partners of a petition locks its row first, and its version is incremented: a form that was shown before is refused
by the statement that records what was signed.
"""

import re
from collections.abc import Mapping

from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from petition.core import clock
from petition.core.db import db
from petition.core.exceptions import Conflict, NotFound, ValidationError
from petition.core.i18n import LANGUAGES
from petition.core.ids import is_id
from petition.core.text import is_printable_line
from petition.petitions.models import Petition
from petition.petitions.partners.models import PARTNER_ROLES, Partner, PartnerMember, Partnership
from petition.petitions.sharing.channels import CHANNELS
from petition.safeguards.email_addresses import BadAddress, parse_email_address, parse_reply_address
from petition.team import accounts, audit
from petition.team.api_tokens import tokens
from petition.team.models import Account

KEY_PATTERN = re.compile(r"[a-z][a-z0-9]{1,11}")
MAX_NAME_CHARACTERS = 120
MAX_WORDING_CHARACTERS = 400
MAX_PARTNERS = 30  # of one petition, each of which is a box on its form


class AlreadyPartner(Conflict):
    """The organisation is a partner of the petition already."""


def list_partners() -> list[Partner]:
    """Return all partners, by name."""
    return list(db.session.scalars(select(Partner).order_by(Partner.name, Partner.id)))


def find_partner(partner_id: int, *, lock: bool = False) -> Partner:
    """Return a partner. Raises `NotFound`."""
    query = select(Partner).where(Partner.id == partner_id)
    found = db.session.scalar(query.with_for_update() if lock else query) if is_id(partner_id) else None
    if found is None:
        raise NotFound({"partner": "there is no such partner"})
    return found


def create_partner(form: Mapping[str, str]) -> Partner:
    """Create a partner. Raises `ValidationError` with the errors of all fields."""
    key = form.get("key", "").strip().lower()
    errors = {}
    if not KEY_PATTERN.fullmatch(key) or key in CHANNELS:
        errors["key"] = _("Choose 2 to 12 letters or digits without accents, such as greens; it begins with a letter.")
    elif db.session.scalar(select(Partner.id).where(Partner.key == key)):
        errors["key"] = _("Another organisation has this word already.")
    partner = Partner(key=key)
    _set_identity(partner, form, errors)
    db.session.add(partner)
    db.session.flush()
    audit.record("partner.created", "partner", partner.key, after={"name": partner.name})
    return partner


def edit_partner(partner: Partner, form: Mapping[str, str]) -> None:
    """Change a partner's name and the addresses that its mailings come from. Raises `ValidationError`.

    The name is in the words that signers agree to: who agreed before agreed to the name of that time.
    """
    before = _describe(partner)
    _set_identity(partner, form, {})
    if before == _describe(partner):
        return
    for petition in _lock_petitions(partner):
        petition.version += 1
    db.session.flush()
    audit.record("partner.changed", "partner", partner.key, before=before, after=_describe(partner))


def _describe(partner: Partner) -> dict[str, str | None]:
    return {"name": partner.name, "from_address": partner.from_address, "reply_to": partner.reply_to}


def _lock_petitions(partner: Partner) -> list[Petition]:
    current = select(Partnership.petition_id).where(Partnership.partner_id == partner.id, Partnership.left_at.is_(None))
    query = select(Petition).where(Petition.id.in_(current)).order_by(Petition.id)
    query = query.with_for_update(of=Petition, key_share=True).execution_options(populate_existing=True)
    return list(db.session.scalars(query))


def _set_identity(partner: Partner, form: Mapping[str, str], errors: dict[str, str]) -> None:
    name = " ".join(form.get("name", "").split())
    if not name or len(name) > MAX_NAME_CHARACTERS or not is_printable_line(name):
        errors["name"] = _(
            "Write the name of the organisation, in at most %(max)s characters.", max=MAX_NAME_CHARACTERS
        )
    from_address, reply_to = form.get("from_address", "").strip(), form.get("reply_to", "").strip()
    try:
        from_address = parse_email_address(from_address).typed if from_address else ""
        if not from_address.isascii():
            raise BadAddress
    except BadAddress:
        errors["from_address"] = _("Please enter a valid email address.")
    try:
        reply_to = parse_reply_address(reply_to) if reply_to else ""
    except BadAddress:
        errors["reply_to"] = _("Please enter a valid email address.")
    if errors:
        raise ValidationError(errors)
    partner.name, partner.from_address, partner.reply_to = name, from_address or None, reply_to or None


def list_members(partner: Partner) -> list[Account]:
    """Return the accounts that act for a partner, by address."""
    members = select(PartnerMember.account_id).where(PartnerMember.partner_id == partner.id)
    return list(db.session.scalars(select(Account).where(Account.id.in_(members)).order_by(Account.email)))


def add_member(partner: Partner, address: str, language: str) -> Account:
    """Let an account act for a partner; an address without one is invited, without a role in the team.

    Raises `ValidationError`.
    """
    account = accounts.find_by_email(address, lock=True) or accounts.invite(address, (), "", language, outside=True)
    db.session.flush()
    values = {"partner_id": partner.id, "account_id": account.id}
    db.session.execute(insert(PartnerMember).values(values).on_conflict_do_nothing())
    audit.record("partner.member_added", "partner", partner.key, after={"account": account.id})
    return account


def remove_member(partner: Partner, account_id: int) -> None:
    """End that an account acts for a partner; its next request is refused. Raises `NotFound`."""
    row = (PartnerMember.partner_id == partner.id, PartnerMember.account_id == account_id)
    if not db.session.execute(delete(PartnerMember).where(*row)).rowcount:  # type: ignore[attr-defined]
        raise NotFound({"account": "no such member"})
    if account := db.session.get(Account, account_id):
        tokens.revoke_beyond_roles(account)
    audit.record("partner.member_removed", "partner", partner.key, after={"account": account_id})


def list_partnerships(petition: Petition) -> list[Partnership]:
    """Return the partnerships of a petition, those that go on first, with the partner of each."""
    query = select(Partnership).where(Partnership.petition_id == petition.id)
    return list(db.session.scalars(query.order_by(Partnership.left_at.desc().nulls_first(), Partnership.id)))


def find_partnership(petition: Petition, partnership_id: int) -> Partnership:
    """Return a partnership of a petition that goes on, locked. Raises `NotFound`."""
    query = select(Partnership).where(
        Partnership.id == partnership_id, Partnership.petition_id == petition.id, Partnership.left_at.is_(None)
    )
    found = db.session.scalar(query.with_for_update(of=Partnership)) if is_id(partnership_id) else None
    if found is None:
        raise NotFound({"partnership": "there is no such partnership"})
    return found


def join(petition: Petition, partner: Partner, role: str) -> Partnership:
    """Make an organisation a partner of a petition. Raises `ValidationError`, `AlreadyPartner`."""
    _require_role(role)
    current = [row for row in list_partnerships(petition) if row.left_at is None]
    if any(row.partner_id == partner.id for row in current):
        raise AlreadyPartner({"partner": _("It is a partner of this petition already.")})
    if len(current) >= MAX_PARTNERS:
        raise ValidationError({"partner": _("A petition has at most %(max)s partners.", max=MAX_PARTNERS)})
    made = Partnership(petition_id=petition.id, partner_id=partner.id, role=role, texts={})
    db.session.add(made)
    petition.has_partners = True
    _finish(petition, "partner_joined", {"partner": partner.key, "role": role})
    return made


def _require_role(role: str) -> None:
    if role not in PARTNER_ROLES:
        raise ValidationError({"role": _("Please choose one of these.")})


def set_role(petition: Petition, partnership: Partnership, role: str) -> None:
    """Change what a partner may do with a petition. Raises `ValidationError`."""
    _require_role(role)
    if partnership.role != role:
        partnership.role = role
        _finish(petition, "partner_changed", {"partner": partnership.partner.key, "role": role})
        _end_tokens(partnership.partner)


def set_wording(petition: Petition, partnership: Partnership, texts: Mapping[str, str]) -> None:
    """Change what the box for a partner's news says, by language; ours where it is empty. Raises `ValidationError`.

    Whose news it is must be said: nobody agrees to mail from no one.
    """
    cleaned, errors = {}, {}
    for language in LANGUAGES:
        wording = " ".join(texts.get(language, "").split())
        if len(wording) > MAX_WORDING_CHARACTERS or not is_printable_line(wording):
            errors[f"wording_{language}"] = _("Keep this within %(number)s characters.", number=MAX_WORDING_CHARACTERS)
        elif wording and partnership.partner.name.casefold() not in wording.casefold():
            errors[f"wording_{language}"] = _(
                "Name the organisation whose news it is: %(name)s.", name=partnership.partner.name
            )
        elif wording:
            cleaned[language] = wording
    if errors:
        raise ValidationError(errors)
    if cleaned != partnership.texts:
        partnership.texts = cleaned
        _finish(petition, "partner_wording", {"partner": partnership.partner.key, "languages": sorted(cleaned)})


def leave(petition: Petition, partnership: Partnership) -> None:
    """End a partnership: its members may do nothing more with the petition, and its signers get no more of its news."""
    partnership.left_at = clock.now()
    _finish(petition, "partner_left", {"partner": partnership.partner.key})
    _end_tokens(partnership.partner)


def _end_tokens(partner: Partner) -> None:
    """End the tokens of the API that allow more than the partner's members may do from now on."""
    for account in list_members(partner):
        tokens.revoke_beyond_roles(account)


def _finish(petition: Petition, done: str, after: dict[str, object]) -> None:
    petition.version += 1
    db.session.flush()
    audit.record(f"petition.{done}", "petition", petition.slug, after=after)
