""" "Check your email", the page after the form, and the code that can be typed there instead of following the link."""

from flask import Blueprint, current_app, render_template, request
from werkzeug import Response

from petition.core.i18n import current_language, set_reader_language
from petition.delivery.composers import sender_address
from petition.petitions.models import Petition
from petition.petitions.presenter import present
from petition.petitions.views.public import SignForm, get_public_or_404
from petition.safeguards.rate_limits import limit_token_posts, network_hashes
from petition.signatures.confirm import ConfirmationClosed
from petition.signatures.confirmation_codes.code_handles import MAX_HANDLE_CHARACTERS
from petition.signatures.confirmation_codes.codes import UnreadDetails, WrongCode, confirm_by_code
from petition.signatures.confirmation_codes.sealed_address import open_address
from petition.signatures.links import get_by_confirm_token
from petition.signatures.views.confirm import closed_page, confirm_page_of, redirect_to_confirmed

ACCESS = "public"
blueprint = Blueprint("check_email", __name__)


@blueprint.get("/p/<slug>/check-your-email")
def page(slug: str) -> str:
    """Show that an email was sent to the address, from which one and for how long its link and its code work."""
    return render_check_your_email(slug)


def render_check_your_email(slug: str) -> str:
    """Render what to do next, on the page or in a frame."""
    return _render(get_public_or_404(slug), request.args.get("to", ""), request.args.get("handle", ""), SignForm())


def _render(petition: Petition, to: str, handle: str, form: SignForm) -> str:
    return render_template(
        "signatures/check_email/check_your_email.html",
        petition=present(petition, current_language()),
        to=to,
        handle=handle if len(handle) <= MAX_HANDLE_CHARACTERS else "",
        form=form,
        address=open_address(to),
        sender_address=sender_address(),
        confirm_within=current_app.config["CONFIRM_WITHIN"],
    )


@blueprint.post("/p/<slug>/code")
@limit_token_posts
def confirm(slug: str) -> Response | tuple[str, int]:
    """Confirm by the code that was typed; every answer is the same but to the right one."""
    petition = get_public_or_404(slug)
    to, handle, typed = (request.form.get(name, "") for name in ("to", "handle", "code"))
    try:
        confirmed = confirm_by_code(handle, typed, network_hashes(), petition.id)
    except WrongCode as error:
        return _render(petition, to, handle, SignForm({"code": typed}, error.errors)), 422
    except UnreadDetails as error:
        signature = get_by_confirm_token(error.token)
        set_reader_language(signature.locale)
        return confirm_page_of(signature, error.token, 409, changed=True)
    except ConfirmationClosed as error:
        set_reader_language(error.signature.locale)
        return closed_page(error.signature)
    return redirect_to_confirmed(confirmed)
