"""The email that tells a member of the team what will be anonymised, and when."""

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from sqlalchemy import select

from petition.core.db import db
from petition.core.i18n import format_date_text
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped, render_message
from petition.petitions.models import Petition
from petition.retention.models import PetitionRetention, RetentionNotice
from petition.signatures.links import absolute_url
from petition.team.emails import AUTO_SUBMITTED_HEADERS
from petition.team.models import Account

RETENTION_NOTICE: Final = "retention_notice"


def compose_retention_notice(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose the notices; none to whom the team no longer has, or once the anonymisation has begun."""
    query = (
        select(RetentionNotice, Account, Petition, PetitionRetention)
        .join(Account, Account.id == RetentionNotice.account_id)
        .join(Petition, Petition.id == RetentionNotice.petition_id)
        .join(PetitionRetention, PetitionRetention.petition_id == RetentionNotice.petition_id)
        .where(RetentionNotice.id.in_([claim.subject_id for claim in claims]))
    )
    rows = {row[0].id: row for row in db.session.execute(query)}
    composed: Composed = {claim.id: Skipped() for claim in claims}
    for claim in claims:
        if claim.subject_id not in rows:
            continue
        notice, account, petition, retention = rows[claim.subject_id]
        if account.active and retention.started_at is None:
            link = absolute_url(f"/desk/petitions/{petition.slug}/data-kept")
            title = petition.text_in(account.language).title
            composed[claim.id] = render_message(
                RETENTION_NOTICE, account.language, account.email, petition.sender_name,
                headers=AUTO_SUBMITTED_HEADERS, title=title, day=_format_day(notice, petition, account.language),
                number=notice.signatures, link=link, signature=account,
                petition={"title": title, "sender_name": petition.sender_name, "url": link},
            )  # fmt: skip
    return composed


def _format_day(notice: RetentionNotice, petition: Petition, language: str) -> str:
    with force_locale(language):
        return format_date_text(notice.due_at.astimezone(ZoneInfo(petition.timezone)).date())
