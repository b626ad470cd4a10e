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
from petition.retention.models import PetitionRetention, RetentionAnnouncement
from petition.retention.schedule import count_restricted
from petition.signatures.links import absolute_url
from petition.team.emails import AUTO_SUBMITTED_HEADERS
from petition.team.models import Account

RETENTION_ANNOUNCED: Final = "retention_announced"


def compose_retention_announced(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose the announcements; none to whom the team no longer has, or once the anonymisation has begun."""
    query = (
        select(RetentionAnnouncement, Account, Petition, PetitionRetention)
        .join(Account, Account.id == RetentionAnnouncement.account_id)
        .join(Petition, Petition.id == RetentionAnnouncement.petition_id)
        .join(PetitionRetention, PetitionRetention.petition_id == RetentionAnnouncement.petition_id)
        .where(RetentionAnnouncement.id.in_([claim.subject_id for claim in claims]))
    )
    rows = {row[0].id: row for row in db.session.execute(query)}
    composed: Composed = {claim.id: Skipped() for claim in claims}
    restricted = count_restricted()
    for claim in claims:
        if claim.subject_id not in rows:
            continue
        announcement, account, petition, retention = rows[claim.subject_id]
        if account.active and retention.started_at is None:
            link = absolute_url(f"/desk/petitions/{petition.slug}/data-kept")
            title = petition.titled_text_in(account.language).title
            composed[claim.id] = render_message(
                RETENTION_ANNOUNCED, account.language, account.email, petition.sender_name,
                headers=AUTO_SUBMITTED_HEADERS, title=title, day=_format_day(announcement, petition, account.language),
                number=announcement.signatures, restricted=restricted.get(petition.id, 0), link=link, signature=account,
                petition={"title": title, "sender_name": petition.sender_name, "url": link},
            )  # fmt: skip
    return composed


def _format_day(announcement: RetentionAnnouncement, petition: Petition, language: str) -> str:
    with force_locale(language):
        return format_date_text(announcement.due_at.astimezone(ZoneInfo(petition.timezone)).date())
