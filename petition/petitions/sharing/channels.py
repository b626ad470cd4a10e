"""Passing a petition on: an address for each channel, and the links that open a service with a text about it.

`?via=<channel>` in an address is carried by the form to the signature's `source`. It says which channel the link went
through, never who passed it on. So does `?via=<key>` of a partner of the petition.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote

from petition.core.web.assets import public_url_for
from petition.petitions.presenter import PetitionPresenter

SOURCE_PREFIX = "share:"
PARTNER_PREFIX = "partner:"  # and a partner's key
# The device's own sharing sheet; a link that was copied; services. Signal has no address that opens it with a text.
CHANNELS = ("device", "link", "email", "whatsapp", "signal", "telegram", "mastodon", "bluesky", "facebook")


@dataclass(frozen=True)
class ShareLink:
    """A link that opens a service with a text about the petition, which people can still change."""

    channel: str
    url: str


def parse_channel(value: str | None, partners: Collection[str] = ()) -> str | None:
    """Return the channel that an address names, None for an unknown one; what clings to a copied address is dropped.

    `partners`: the keys of the petition's partners, each of which is a channel of its own.
    """
    for pattern, known in ((r"[a-z]{1,20}", CHANNELS), (r"[a-z][a-z0-9]{1,11}", partners)):
        found = re.match(pattern, value or "")
        if found and found[0] in known:
            return found[0]
    return None


def source_of(channel: str | None) -> str:
    """Return where a signature on the petition's page comes from: the page itself, or a link that was passed on."""
    if not channel:
        return "page"
    return f"{SOURCE_PREFIX if channel in CHANNELS else PARTNER_PREFIX}{channel}"


def shared_address(slug: str, channel: str) -> str:
    """Return the petition's address as it is passed on through a channel; without a language, the reader's decides."""
    return public_url_for("petitions.page", slug=slug, via=channel)


def list_share_links(petition: PetitionPresenter) -> list[ShareLink]:
    """Return a link for each service that has one, in the order in which they are shown."""
    words = petition.share_text or petition.title

    def encode(text: str) -> str:
        return quote(text, safe="")

    def text_for(channel: str) -> str:
        return encode(f"{words}\n{shared_address(petition.slug, channel)}")

    body = f"{petition.share_text or petition.summary}\n\n{shared_address(petition.slug, 'email')}\n"
    telegram, facebook = (encode(shared_address(petition.slug, channel)) for channel in ("telegram", "facebook"))
    return [
        ShareLink("email", f"mailto:?subject={encode(petition.title)}&body={encode(body)}"),
        ShareLink("whatsapp", f"https://wa.me/?text={text_for('whatsapp')}"),
        ShareLink("telegram", f"https://t.me/share/url?url={telegram}&text={encode(words)}"),
        # Mastodon's own page asks for the reader's server. What follows # stays in the browser.
        ShareLink("mastodon", f"https://share.joinmastodon.org/#text={text_for('mastodon')}"),
        ShareLink("bluesky", f"https://bsky.app/intent/compose?text={text_for('bluesky')}"),
        ShareLink("facebook", f"https://www.facebook.com/sharer/sharer.php?u={facebook}"),
    ]
