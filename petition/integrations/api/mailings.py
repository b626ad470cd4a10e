"""Mailings for a token: list, write, preview, report, and what moves them on, by the services of the desk."""

from collections.abc import Callable, Iterable
from typing import Any

from flask.views import MethodView
from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import NotFound, ValidationError
from petition.core.i18n import LANGUAGES, N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.core.optimistic_lock import require_version
from petition.core.pagination import make_page, select_page
from petition.integrations.api import mailing_schemas as schemas
from petition.mailings import actions, lifecycle, partner_senders
from petition.mailings.audience.preview import count_audience, make_sample_signer
from petition.mailings.drafting import drafts, test_emails
from petition.mailings.drafting.form_values import values_from_mailing
from petition.mailings.drafting.preflight import run_preflight_checks
from petition.mailings.emails import build_preview
from petition.mailings.models import Mailing, MailingState
from petition.mailings.report import build_report
from petition.petitions import queries as petition_queries
from petition.petitions.partners.access import is_outsider
from petition.petitions.partners.models import PartnerRole
from petition.team.api_tokens.access import ACCESS_TOKEN, current_token, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope
from petition.team.models import Account

ACCESS = ACCESS_TOKEN
MAX_LISTED = 100
MAX_BODY_BYTES = 210_000 * len(LANGUAGES)  # 50,000 characters in each, each up to four bytes
STOPPING_ACTIONS = ("unschedule", "pause", "cancel")  # which the team may do to a partner's mailing too
COUNTED_STATES = (MailingState.DRAFT, MailingState.TESTED)
blueprint = ApiBlueprint("mailings_api", __name__, url_prefix="/api/v1/mailings", description="Mailings for a token")


def _report(mailing: Mailing) -> dict[str, Any]:
    report = build_report(mailing)
    if is_outsider(current_token().account):
        report["reasons"] = []  # a mail server's answer may name the recipient
    return report


def find_mailing(number: int, *, lock: bool = False, version: int | None = None) -> Mailing:
    """Return a mailing that the token may see. Raises `NotFound`, `EditConflict`; aborts with 403."""
    mailing = lifecycle.find(number, lock=lock)
    account = current_token().account
    if is_outsider(account) and (mailing.partner_id is None or not partner_senders.is_author(account, mailing)):
        raise NotFound({"mailing": "not of a partner that the account acts for"})
    if current_token().petition_id is not None:
        for petition_id in mailing.segment.get("petitions") or [None]:
            require_petition(petition_id)
    if version is not None:
        require_version(mailing.version, str(version))
    return mailing


def _find_own(number: int, *, lock: bool = False) -> Mailing:
    """Return a mailing that the token's account may write and send: a partner's is its members' alone."""
    mailing = find_mailing(number, lock=lock)
    partner_senders.require_author(current_token().account, mailing)
    return mailing


def _petition_numbers(slugs: Iterable[str]) -> list[str]:
    known = {petition.slug: petition.id for petition in petition_queries.list_all()}
    if any(slug not in known for slug in slugs):
        raise ValidationError({"petitions": _("Choose one of the list.")})
    numbers = [known[slug] for slug in slugs]
    for number in numbers:
        require_petition(number)
    return [str(number) for number in numbers]


def _merge(form: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a form with those of a body in their place."""
    merged = form | body.get("settings", {})
    if "name" in body:
        merged["name"] = body["name"]
    if "petitions" in body:
        merged["petitions"] = _petition_numbers(body["petitions"])
    for language, text in body.get("texts", {}).items():
        merged |= {f"{part}_{language}": (text or {}).get(part, "") for part in drafts.TEXT_PARTS}
    return merged


def _represent(mailing: Mailing) -> dict[str, Any]:
    values = values_from_mailing(mailing)
    slugs = {petition.id: petition.slug for petition in petition_queries.list_all()}
    return {
        "id": mailing.id, "state": mailing.state, "version": mailing.version,
        "tested": mailing.tested_version == mailing.content_version, "name": mailing.name,
        "petitions": [slugs[number] for number in mailing.segment["petitions"]],
        "texts": {
            language: {part: getattr(text, part) for part in drafts.TEXT_PARTS}
            for language, text in sorted(mailing.texts.items())
        },
        "settings": {name: values.get(name) for name in schemas.SETTINGS},
        "warnings": run_preflight_checks(mailing),
    }  # fmt: skip


@blueprint.route("")
class Mailings(MethodView):
    """All mailings."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE, partners=PartnerRole.SENDER)
    @blueprint.arguments(schemas.MailingsQuery(), location="query")
    @blueprint.response(200, schemas.ListedMailingSchema(many=True), example=[schemas.EXAMPLE_LISTED])
    @document_problems(blueprint, 422)
    @document_operation(blueprint, "list_mailings", 200, N_("List a hundred mailings, newest first."))
    def get(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        """List a hundred mailings, newest first."""
        only = current_token().petition_id
        wanted = partner_senders.restrict(select(Mailing), current_token().account)
        if only is not None:
            wanted = wanted.where(Mailing.segment["petitions"] == [only])
        wanted = select_page(wanted, Mailing.id, cursor=query.get("before"), limit=MAX_LISTED)
        page = make_page(db.session.scalars(wanted).all(), MAX_LISTED, key=lambda mailing: mailing.id)
        return [{"id": mailing.id, "name": mailing.name, "state": mailing.state} for mailing in page.items]

    @require_scope(blueprint, Scope.MAILINGS_MANAGE, partners=PartnerRole.SENDER, max_body_bytes=MAX_BODY_BYTES)
    @blueprint.arguments(schemas.MailingDraftSchema(), example=schemas.EXAMPLE_DRAFT)
    @blueprint.response(201, schemas.MailingReportSchema(), example=schemas.EXAMPLE_REPORT)
    @document_problems(blueprint, 400, 413, 422)
    @document_operation(blueprint, "create_mailing", 201, N_("Create a draft; nothing is sent."))
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a draft; nothing is sent."""
        account = current_token().account
        form = {"partner": _own_partner(account)} if is_outsider(account) else {}
        mailing = drafts.create(drafts.parse_draft(_merge(form, body), account), account.email)
        count_audience(mailing)
        db.session.commit()
        return _report(mailing)


@blueprint.route("/<int:number>")
class OneMailing(MethodView):
    """One mailing."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE, partners=PartnerRole.SENDER)
    @blueprint.response(200, schemas.MailingReportSchema(), example=schemas.EXAMPLE_REPORT)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "show_mailing", 200, N_("Return a mailing with its counts."))
    def get(self, number: int) -> dict[str, Any]:
        """Return a mailing with its counts."""
        return _report(find_mailing(number))


@blueprint.route("/<int:number>/draft")
class MailingDraft(MethodView):
    """What a mailing says."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE, partners=PartnerRole.SENDER)
    @blueprint.response(200, schemas.StoredMailingSchema(), example=schemas.EXAMPLE_STORED)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "read_mailing", 200, N_("Return what a mailing says, to whom, and how it is sent."))
    def get(self, number: int) -> dict[str, Any]:
        """Return what a mailing says, to whom, and how it is sent."""
        return _represent(find_mailing(number))

    @require_scope(blueprint, Scope.MAILINGS_MANAGE, partners=PartnerRole.SENDER, max_body_bytes=MAX_BODY_BYTES)
    @blueprint.arguments(schemas.MailingChangeSchema(), example=schemas.EXAMPLE_CHANGE)
    @blueprint.response(200, schemas.StoredMailingSchema(), example=schemas.EXAMPLE_STORED)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "change_mailing", 200,
        N_("Change a draft, or the text of a paused mailing. What recipients see must be tested again."),
    )  # fmt: skip
    def patch(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        """Change a draft, or the text of a paused mailing. What recipients see must be tested again."""
        mailing = _find_own(number, lock=True)
        draft = drafts.parse_draft(_merge(values_from_mailing(mailing), body), current_token().account)
        if drafts.edit(mailing, draft, str(body["version"])) and mailing.state in COUNTED_STATES:
            count_audience(mailing)
        db.session.commit()
        return _represent(mailing)


@blueprint.route("/<int:number>/preview")
class MailingPreview(MethodView):
    """How a mailing looks."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE, partners=PartnerRole.SENDER)
    @blueprint.arguments(schemas.MailingPreviewQuery(), location="query")
    @blueprint.response(200, schemas.MailingPreviewSchema(), example=schemas.EXAMPLE_PREVIEW)
    @document_problems(blueprint, 404, 422)
    @document_operation(blueprint, "preview_mailing", 200, N_("Return a mailing as somebody made up would get it."))
    def get(self, query: dict[str, Any], number: int) -> dict[str, Any]:
        """Return a mailing as somebody made up would get it: nothing of a signer is in it."""
        mailing = find_mailing(number)
        language = query.get("language") or min(mailing.texts)
        if language not in mailing.texts:
            raise ValidationError({"language": _("Choose one of the list.")})
        email = build_preview(mailing, make_sample_signer(mailing, language, "Camille Exemple"), language)
        return {"language": language, "subject": email.subject, "text": email.body, "html": email.html}


@blueprint.route("/<int:number>/copies")
class MailingCopies(MethodView):
    """Copies of a mailing."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE, partners=PartnerRole.SENDER)
    @blueprint.response(201, schemas.MailingReportSchema(), example=schemas.EXAMPLE_REPORT)
    @document_problems(blueprint, 404, 409)
    @document_operation(
        blueprint, "copy_mailing", 201, N_("Create a draft with the texts, recipients and settings of a mailing.")
    )
    def post(self, number: int) -> dict[str, Any]:
        """Create a draft with the texts, recipients and settings of a mailing."""
        made = drafts.duplicate(_find_own(number), current_token().account.email)
        count_audience(made)
        db.session.commit()
        return _report(made)


@blueprint.route("/<int:number>/actions")
class MailingActions(MethodView):
    """What moves a mailing on."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE, partners=PartnerRole.SENDER)
    @blueprint.arguments(
        schemas.MailingActionSchema(), example={"action": "schedule", "at": "2022-10-11T09:00:00+02:00"}
    )
    @blueprint.response(200, schemas.MailingReportSchema(), example=schemas.EXAMPLE_REPORT)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "act_on_mailing", 200, N_("Test, schedule, pause, resume or cancel a mailing, as on the desk.")
    )
    def post(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        """Test, schedule, pause, resume or cancel a mailing, as on the desk. A test goes to members of the team."""
        mailing, account = find_mailing(number, lock=True, version=body.get("version")), current_token().account
        action, reason = body["action"], body["reason"]
        if action not in STOPPING_ACTIONS:
            partner_senders.require_author(account, mailing)
        if action == "test":
            test_emails.enqueue_tests(mailing, _find_colleagues(account, body.get("to")), account.email)
        elif action == "schedule":
            actions.schedule(mailing, body.get("at"), account.id)
        elif action == "pause":
            actions.pause(mailing, reason)
        elif action == "cancel":
            actions.cancel(mailing, reason)
        else:
            perform: dict[str, Callable[[Mailing], Any]] = {
                "unschedule": actions.unschedule, "resume": actions.resume, "retry": actions.retry_failed,
                "add-recipients": actions.add_recipients,
            }  # fmt: skip
            perform[action](mailing)
        db.session.commit()
        return _report(mailing)


def _own_partner(account: Account) -> int | None:
    """Return the partner for which an account may write to the signers of the token's petition."""
    wanted = current_token().petition_id
    return next((row.partner_id for row in partner_senders.list_sending(account) if row.petition_id == wanted), None)


def _find_colleagues(account: Account, addresses: list[str] | None) -> list[Account]:
    if addresses is None:
        return [account]
    known = {colleague.email: colleague for colleague in test_emails.list_colleagues(account)}
    if any(address not in known for address in addresses):
        raise ValidationError({"to": _("A test goes to members of the team.")})
    return [known[address] for address in dict.fromkeys(addresses)]
