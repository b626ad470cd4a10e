"""The HTML with which another website embeds a petition's form."""

from flask_babel import force_locale
from flask_babel import gettext as _
from markupsafe import Markup

from petition.core.web.assets import public_url_for
from petition.petitions.models import Petition

FRAME_WIDTH, FRAME_HEIGHT = 480, 900  # CSS pixels; the form scrolls in less


def build_element(petition: Petition, language: str) -> str:
    """Return the element and the script that makes a form of it; without scripts, a link stays."""
    html = Markup(
        '<petition-form slug="{}" lang="{}"><a href="{}">{}</a></petition-form>\n<script src="{}" async></script>'
    )
    page = public_url_for("petitions.page", slug=petition.slug, lang=language)
    label, script = _label(petition, language), public_url_for("embedding.script")
    return str(html.format(petition.slug, language, page, label, script))


def build_frame(petition: Petition, language: str, width: int = FRAME_WIDTH, height: int = FRAME_HEIGHT) -> str:
    """Return a frame of a fixed height, for sites that allow no scripts."""
    html = Markup('<iframe src="{}" title="{}" width="{}" height="{}" style="border: 0; max-width: 100%"></iframe>')
    address = public_url_for("embed.page", slug=petition.slug, lang=language)
    return str(html.format(address, _label(petition, language), width, height))


def _label(petition: Petition, language: str) -> str:
    with force_locale(language):
        return _("Sign: %(title)s", title=petition.text_in(language).title)
