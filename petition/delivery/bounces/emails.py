"""Compose the emails that forward people's replies to the team."""

import email
from collections.abc import Sequence
from email.policy import compat32
from email.utils import parseaddr
from urllib.parse import urlsplit

from flask import current_app
from sqlalchemy import select

from petition.core.db import db
from petition.core.i18n import DEFAULT_LANGUAGE
from petition.delivery.bounces.auto_replies import decode_words, get_header, get_subject
from petition.delivery.bounces.models import Bounce
from petition.delivery.bounces.text_bounces import get_notice
from petition.delivery.composers import ClaimedDelivery, Composed, Skipped, render_message
from petition.delivery.rendering.message import OutgoingMessage

FORWARDED_REPLY_KIND = "forwarded_reply"
MAX_SUBJECT_CHARACTERS = 200
HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def compose_forwarded_reply(claims: Sequence[ClaimedDelivery]) -> Composed:
    """Compose each reply as an email to the team, whose answer goes to the person who wrote."""
    query = select(Bounce).where(Bounce.id.in_([claim.subject_id for claim in claims]))
    replies = {reply.id: reply for reply in db.session.scalars(query)}
    to = current_app.config["PETITION_REPLIES_TO"]
    messages: Composed = {}
    for claim in claims:
        reply = replies.get(claim.subject_id)
        messages[claim.id] = _build(to, reply.raw) if to and reply and reply.raw else Skipped()
    return messages


def _build(to: str, raw: bytes) -> OutgoingMessage:
    message = email.message_from_bytes(raw, policy=compat32)
    name, address = parseaddr(get_header(message, "From"))
    name = decode_words(name)
    sender = f"{name} <{address}>" if name and name.isprintable() else address
    url, team = current_app.config["PUBLIC_URL"], parseaddr(to)[1]
    site = urlsplit(url).hostname or ""
    return render_message(
        FORWARDED_REPLY_KIND, DEFAULT_LANGUAGE, team, site, headers=HEADERS, reply_to=address,
        sender=sender, site=site, text=get_notice(message), subject=get_subject(message)[:MAX_SUBJECT_CHARACTERS],
        petition={"title": site, "sender_name": site, "url": f"{url}/ops/bounces/"}, signature={"name": ""},
    )  # fmt: skip
