"""Disown a signature by its link, and take that back: in two steps each, as machines press buttons too."""

from flask import Blueprint, request

from petition.core import tokens
from petition.core.db import db
from petition.safeguards.rate_limits import limit_token_posts
from petition.signatures import confirm
from petition.signatures.links import ExpiredLink, LinkProblem
from petition.signatures.models import SignatureState
from petition.signatures.personal.presenter import present_for_signer
from petition.signatures.retention import DISOWNED_TTL
from petition.signatures.views.confirm import confirm_page, disowned_page, get_signature, link_page, local_day

ACCESS = "public"
blueprint = Blueprint("disown", __name__)


@blueprint.post("/c/<token>/disown")
@limit_token_posts
def disown(token: str) -> tuple[str, int]:
    """Disown a signature that the owner of the address did not make, in two steps: machines press buttons too."""
    signature = get_signature(token, lock=True)
    can_disown = signature.state == SignatureState.PENDING or signature.is_confirmed
    if can_disown and request.form.get("sure") != "yes":
        db.session.commit()  # nothing was changed: this releases the lock
        return link_page(
            "signatures/disown/disown.html",
            signature,
            signature=present_for_signer(signature),
            token=tokens.strip_trailing_characters(token),
            confirmed_on=local_day(signature, signature.confirmed_at),
            restored_within_days=DISOWNED_TTL.days,
        )
    confirm.disown(signature)
    db.session.commit()
    if signature.state != SignatureState.DISOWNED:
        raise ExpiredLink(signature, LinkProblem.EXPIRED)
    return disowned_page(signature, token)


@blueprint.post("/c/<token>/take-back")
@limit_token_posts
def take_back(token: str) -> tuple[str, int]:
    """Undo a disowning, by the link that did it; one that will count again takes a second step."""
    signature = get_signature(token, lock=True)
    if signature.state == SignatureState.DISOWNED and signature.confirmed_at and request.form.get("sure") != "yes":
        db.session.commit()
        return link_page(
            "signatures/disown/take_back.html",
            signature,
            signature=present_for_signer(signature),
            token=tokens.strip_trailing_characters(token),
        )
    confirm.take_back(signature)
    db.session.commit()
    return confirm_page(token)
