"""The JSON API of signatures: sign, confirm, list."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from flask import Response, current_app, jsonify
from flask.views import MethodView
from flask_babel import gettext as _

from petition.core.exceptions import ValidationError
from petition.core.i18n import N_
from petition.core.openapi import (
    ACCESS_PUBLIC,
    SLUG_LINK_PARAMETERS,
    ApiBlueprint,
    document_operation,
    document_problems,
    problem_response,
)
from petition.core.web.assets import public_url_for
from petition.petitions.views.cors import allow_listed_sites
from petition.petitions.views.public import get_public_or_404
from petition.safeguards.honeypot import is_filled
from petition.safeguards.rate_limits import limit_signing, limit_token_posts, network_hashes, stored_network_hash
from petition.signatures.abuse.challenges import FIELD_NAME as ALTCHA
from petition.signatures.abuse.challenges import lacks_solution, make_challenge
from petition.signatures.abuse.presses import Press
from petition.signatures.confirm import ConfirmationClosed, SignatureEnded, confirm
from petition.signatures.confirmation_codes.code_handles import NOBODY, make_handle, seal
from petition.signatures.confirmation_codes.codes import UnreadDetails, WrongCode, confirm_by_code
from petition.signatures.links import ExpiredLink, UnknownLink
from petition.signatures.listing.public_list import list_signatories
from petition.signatures.schemas import (
    ACCEPTED,
    EXAMPLE_CHALLENGE,
    EXAMPLE_SIGNATORIES,
    EXAMPLE_SIGNATURE,
    AcceptedSchema,
    ChallengeSchema,
    ConfirmedSchema,
    ConfirmSchema,
    SignatoriesQuery,
    SignatoriesSchema,
    SignSchema,
)
from petition.signatures.sign import PetitionClosed, sign
from petition.signatures.validation import validate_details
from petition.team.api_tokens.access import SECURITY_SCHEME, authenticate, has_token, require_petition
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_PUBLIC
# The type of the problem that a petition asks for a proof of work (RFC 9457; docs/embedding.md).
CHALLENGE_REQUIRED = "/api/v1/docs#challenge-required"
blueprint = ApiBlueprint("signatures_api", __name__, url_prefix="/api/v1", description="Sign, confirm, list")
allow_listed_sites(blueprint)


def _name_wordings(wordings: dict[str, str]) -> dict[str, str]:
    """Return the wordings that were shown, under the names that the page's form has for them; no other field."""
    names = {"updates": "wording", "passed_on": "passing_on_wording"}
    names |= {field: f"wording_{field.removeprefix('news_')}" for field in wordings if field.startswith("news_")}
    return {names[field]: digest for field, digest in wordings.items() if field in names}


def _accepted(handle: str | None = None) -> Response:
    if handle is not None:
        return current_app.make_response((jsonify(status=ACCEPTED, handle=handle), 202))
    return current_app.response_class(f'{{"status":"{ACCEPTED}"}}\n', 202, mimetype="application/json")


def _limit_signing_or_check_token(view: Callable[..., Any]) -> Callable[..., Any]:
    """Limit signing by the client's network; with a token, by the token, which needs the scope for it."""
    limited = limit_signing(view)

    @wraps(view)
    def checked_view(*args: Any, **kwargs: Any) -> Any:
        if not has_token():
            return limited(*args, **kwargs)
        authenticate(Scope.SIGNATURES_WRITE)
        return view(*args, **kwargs)

    return checked_view


@blueprint.route("/petitions/<slug>/signatures")
class Signatures(MethodView):
    """The signatures of a petition."""

    init_every_request = False
    decorators: ClassVar = [_limit_signing_or_check_token]

    @blueprint.arguments(SignSchema(), example=EXAMPLE_SIGNATURE)
    @blueprint.response(202, AcceptedSchema, example={"status": ACCEPTED})
    @document_problems(blueprint, 400, 401, 403, 404, 410, 413, 422, 429)
    @blueprint.doc(security=[{}, {SECURITY_SCHEME: [Scope.SIGNATURES_WRITE.value]}])
    @document_operation(
        blueprint,
        "sign",
        202,
        N_("Sign: the address gets a link by email, and the signature counts once that was followed."),
        confirm={},
        show_petition=SLUG_LINK_PARAMETERS,
        count=SLUG_LINK_PARAMETERS,
        list_signatories=SLUG_LINK_PARAMETERS,
    )
    def post(self, fields: dict[str, Any], slug: str) -> Any:
        """Sign: the address gets a link by email, and the signature counts once that was followed."""
        petition = get_public_or_404(slug)
        if has_token():
            require_petition(petition.id)
        if is_filled(fields):
            return _accepted(seal(NOBODY) if fields.get("with_handle") else None)
        try:
            details = validate_details(petition, fields | _name_wordings(fields.get("wordings") or {}))
            if lacks_solution(petition, fields.get(ALTCHA), is_exempt=has_token()):
                return _ask_for_challenge(slug)
            sign(petition, details, "api", None if has_token() else stored_network_hash())
        except PetitionClosed as error:
            return problem_response(422, str(error))
        except ValidationError as error:
            return problem_response(422, _("Some fields need another look."), error.errors)
        return _accepted(make_handle(petition.id, details) if fields.get("with_handle") else None)


def _ask_for_challenge(slug: str) -> Response:
    """Answer that the petition asks for a proof of work, and where to get a challenge."""
    message = _("This petition asks for a proof of work now: get a challenge, solve it, send its solution as altcha.")
    return problem_response(
        422,
        message,
        {ALTCHA: message},
        type=CHALLENGE_REQUIRED,
        challenge=public_url_for("signatures_api.Challenges", slug=slug),
    )


@blueprint.route("/petitions/<slug>/challenge")
class Challenges(MethodView):
    """Proofs of work."""

    @blueprint.response(200, ChallengeSchema, example=EXAMPLE_CHALLENGE)
    @document_problems(blueprint, 404, 410)
    @document_operation(
        blueprint, "challenge", 200, N_("Get a challenge, in ALTCHA's format; its solution is valid once."),
        sign=SLUG_LINK_PARAMETERS,
    )  # fmt: skip
    def get(self, slug: str) -> Any:
        """Get a challenge, in ALTCHA's format; its solution is valid once."""
        return make_challenge(get_public_or_404(slug).id)


@blueprint.route("/confirmations")
class Confirmations(MethodView):
    """The following of links, and the typing of codes."""

    decorators: ClassVar = [limit_token_posts]

    @blueprint.arguments(ConfirmSchema(), example={"token": "AQE.awl47A.ZeXIGjzbhGgo8Z17xGafrg"})
    @blueprint.response(200, ConfirmedSchema, example={"status": "confirmed"})
    @document_problems(blueprint, 400, 404, 409, 410, 413, 422, 429)
    @document_operation(
        blueprint,
        "confirm",
        200,
        N_("Confirm a signature by its token, or by its handle and code, once; again answers the same."),
        list_petitions={},
    )
    def post(self, fields: dict[str, Any]) -> Any:
        """Confirm a signature by its token, or by its handle and code, once; again answers the same."""
        try:
            if "token" in fields:
                confirm(fields["token"], press=Press(network_hashes()))
            else:
                confirm_by_code(fields["handle"], fields["code"], network_hashes())
        except (UnknownLink, WrongCode) as error:
            return problem_response(404, str(error))
        except UnreadDetails as error:
            return problem_response(409, str(error))
        except (ExpiredLink, ConfirmationClosed, SignatureEnded) as error:
            return problem_response(410, str(error))
        return {"status": "confirmed"}


@blueprint.route("/petitions/<slug>/signatories")
class Signatories(MethodView):
    """The public list."""

    @blueprint.arguments(SignatoriesQuery(), location="query")
    @blueprint.response(200, SignatoriesSchema, example=EXAMPLE_SIGNATORIES)
    @document_problems(blueprint, 404, 410, 422)
    @document_operation(
        blueprint,
        "list_signatories",
        200,
        N_("List those who agreed to be named, newest first."),
        list_signatories={**SLUG_LINK_PARAMETERS, "after": "$response.body#/next"},
    )
    def get(self, query: dict[str, Any], slug: str) -> Any:
        """List those who agreed to be named, newest first."""
        petition = get_public_or_404(slug)
        headers = {} if petition.list_indexed else {"X-Robots-Tag": "noindex"}
        try:
            page = list_signatories(petition, query.get("after"), query["limit"], query.get("party"))
            return page, 200, headers
        except ValidationError as error:
            return problem_response(422, None, error.errors)
