"""The page of thanks after a confirmation: how to pass the petition on and what happens next."""

from flask import Blueprint, make_response, render_template
from werkzeug import Response

from petition.core.i18n import current_language
from petition.core.security_headers import content_security_policy
from petition.petitions.counters import get_count
from petition.petitions.models import Petition
from petition.petitions.presenter import PetitionPresenter, present
from petition.petitions.sharing.channels import list_share_links, shared_address
from petition.petitions.views.public import get_public_or_404

ACCESS = "public"
SHARE_SCRIPT = "share.js"  # as in thank_you.html
blueprint = Blueprint("thank_you", __name__)


@blueprint.get("/p/<slug>/thank-you")
def page(slug: str) -> Response:
    """Say thanks, how to pass it on and what happens next; the same page for everybody."""
    petition = get_public_or_404(slug)
    response = make_response(render_thank_you(petition, present(petition, current_language())))
    response.headers["Content-Security-Policy"] = content_security_policy(inline_scripts=[SHARE_SCRIPT])
    return response


def render_thank_you(petition: Petition, shown: PetitionPresenter) -> str:
    """Return the page, also of a draft that is shown as it will be."""
    return render_template(
        "signatures/thank_you/thank_you.html",
        petition=shown,
        count=get_count(petition),
        share_links=list_share_links(shown),
        addresses={channel: shared_address(petition.slug, channel) for channel in ("device", "link", "signal")},
    )
