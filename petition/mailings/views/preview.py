"""The team's pages of mailings: preview as a recipient would get one, and the recipients."""

from flask import Blueprint, Response, render_template, request

from petition.core.i18n import LANGUAGES, current_language
from petition.delivery.models import STATES
from petition.mailings import recipients
from petition.mailings.audience.preview import make_sample_signer, sample_recipients
from petition.mailings.emails import Signer, build_preview
from petition.mailings.models import Mailing
from petition.mailings.views.desk import get_mailing_or_404, parse_cursor_or_none, require_current_account
from petition.petitions.partners.access import is_outsider
from petition.petitions.partners.models import PartnerRole
from petition.team.models import TeamRole
from petition.team.permissions import require_roles

ACCESS = "campaigner or sender"
PREVIEW_FORMATS = ("desktop", "phone", "text")
# The previewed email has its own inline styles and loads nothing; only this site may frame it.
PREVIEW_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

blueprint = Blueprint("mailing_preview", __name__, url_prefix="/desk/mailings")
# Not the recipients: who they are is the signers' own and the team's.
PARTNER_VIEWS = ("preview", "preview_letter")
require_roles(
    blueprint, TeamRole.CAMPAIGNER, TeamRole.SENDER, partners=dict.fromkeys(PARTNER_VIEWS, PartnerRole.SENDER)
)


def _preview_options(mailing: Mailing) -> tuple[str, int, str, list[Signer]]:
    """Return the language, the position of the recipient, the format, and the recipients to choose from."""
    language = request.args.get("language", "")
    if language not in mailing.texts:
        language = current_language() if current_language() in mailing.texts else min(mailing.texts)
    if is_outsider(require_current_account()):
        signers = [make_sample_signer(mailing, language, "Camille Exemple")]
    else:
        signers = sample_recipients(mailing)
    position = request.args.get("as", 0, type=int)
    preview_format = request.args.get("width", "")
    return (
        language,
        position if 0 <= position < len(signers) else 0,
        preview_format if preview_format in PREVIEW_FORMATS else "desktop",
        signers,
    )


@blueprint.get("/<int:mailing_id>/preview")
def preview(mailing_id: int) -> str:
    """Show the mailing as one of its recipients would get it."""
    mailing = get_mailing_or_404(mailing_id)
    language, position, preview_format, signers = _preview_options(mailing)
    email = build_preview(mailing, signers[position], language)
    return render_template(
        "mailings/preview/show.html", mailing=mailing, language=language, position=position,
        preview_format=preview_format, signers=signers, email=email, all_languages=LANGUAGES,
    )  # fmt: skip


@blueprint.get("/<int:mailing_id>/preview/letter")
def preview_letter(mailing_id: int) -> Response:
    """Show the HTML of the email alone, for the frame of the preview."""
    mailing = get_mailing_or_404(mailing_id)
    language, position, _format, signers = _preview_options(mailing)
    response = Response(build_preview(mailing, signers[position], language).html)
    response.headers["Content-Security-Policy"] = PREVIEW_CONTENT_SECURITY_POLICY
    return response


@blueprint.get("/<int:mailing_id>/recipients")
def listed(mailing_id: int) -> str:
    """List the recipients in a state, page by page; without one, the first of each state."""
    mailing = get_mailing_or_404(mailing_id)
    state = request.args.get("state", "")
    if state not in STATES:
        rows, after, more = recipients.list_first(mailing.id), None, True
    else:
        page = recipients.list_page(mailing.id, state, parse_cursor_or_none(request.args.get("after")))
        rows, after, more = list(page.items), page.next, False
    return render_template(
        "mailings/preview/recipients.html", mailing=mailing, rows=rows, state=state, searched=None, after=after,
        choose_state=more and len(rows) == recipients.PAGE_SIZE,
    )  # fmt: skip


@blueprint.post("/<int:mailing_id>/recipients")
def searched(mailing_id: int) -> str:
    """Find a recipient by address; by POST, so that the address is in no URL."""
    mailing, address = get_mailing_or_404(mailing_id), request.form.get("address", "")[:320]
    rows = recipients.find_by_address(mailing.id, address)
    return render_template(
        "mailings/preview/recipients.html", mailing=mailing, rows=rows, state="", searched=address, after=None,
        choose_state=False,
    )  # fmt: skip


@blueprint.get("/<int:mailing_id>/recipients/<int:delivery_id>")
def recipient(mailing_id: int, delivery_id: int) -> str:
    """Show one recipient's delivery: its state, its attempts and the mail server's responses."""
    mailing = get_mailing_or_404(mailing_id)
    found = recipients.get_recipient(mailing.id, delivery_id)
    return render_template("mailings/preview/recipient.html", mailing=mailing, recipient=found)
