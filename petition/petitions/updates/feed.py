"""The feed of a petition's updates, in one language (Atom, RFC 4287)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from flask import current_app

from petition.core.web.assets import public_url_for
from petition.petitions.presenter import PetitionPresenter
from petition.petitions.updates.timeline import TimelineEntry

ATOM = "http://www.w3.org/2005/Atom"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
MAX_ENTRIES = 30
MEDIA_TYPE = "application/atom+xml"
ET.register_namespace("", ATOM)


def build_feed(petition: PetitionPresenter, entries: Sequence[TimelineEntry], language: str) -> bytes:
    """Return the feed of the latest updates: that of a petition without any is empty, and valid."""
    page = public_url_for("petition_timeline.page", slug=petition.slug, lang=language)
    address = public_url_for("petition_timeline.feed", slug=petition.slug, lang=language)
    feed = ET.Element(f"{{{ATOM}}}feed", {XML_LANG: language})
    _add(feed, "id", address)
    _add(feed, "title", petition.title)
    _add(feed, "updated", _format_moment(max((_last_change(entry) for entry in entries), default=_first(petition))))
    _add(_add(feed, "author"), "name", petition.sender_name)
    _add(feed, "link", rel="self", type=MEDIA_TYPE, href=address)
    _add(feed, "link", rel="alternate", type="text/html", hreflang=language, href=page)
    for entry in entries[:MAX_ENTRIES]:
        _add_entry(feed, entry, page)
    return ET.tostring(feed, encoding="utf-8", xml_declaration=True)


def _add_entry(feed: ET.Element, entry: TimelineEntry, page: str) -> None:
    element = ET.SubElement(feed, f"{{{ATOM}}}entry", {XML_LANG: entry.language})
    # The same for ever, whatever address the petition has (RFC 4151).
    host = urlsplit(current_app.config["PUBLIC_URL"]).hostname
    assert entry.published_at is not None  # it is an update
    _add(element, "id", f"tag:{host},{entry.published_at:%Y-%m-%d}:petition-update-{entry.id}")
    _add(element, "title", entry.title)
    _add(element, "published", _format_moment(entry.published_at))
    _add(element, "updated", _format_moment(_last_change(entry)))
    _add(element, "link", rel="alternate", type="text/html", href=f"{page}#update-{entry.id}")
    if entry.source_url:
        _add(element, "link", rel="via", href=entry.source_url)
    _add(element, "content", str(entry.body_html), type="html")


def _last_change(entry: TimelineEntry) -> datetime:
    return entry.changed_at or entry.published_at or datetime(1970, 1, 1, tzinfo=UTC)


def _first(petition: PetitionPresenter) -> datetime:
    """Return when there was nothing to tell yet: an empty feed has a moment too."""
    day = petition.opened_on
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else datetime(1970, 1, 1, tzinfo=UTC)


def _format_moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _add(parent: ET.Element, name: str, content: str = "", **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
    element.text = _drop_controls(content) or None
    return element


def _drop_controls(content: str) -> str:
    """Return a text without the characters that XML 1.0 does not have."""
    return "".join(c for c in content if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))
