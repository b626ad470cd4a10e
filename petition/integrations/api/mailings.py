"""Mailings for a token: list, create, report, and what moves them on, by the services of the desk."""

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_babel import gettext as _
from marshmallow import validate
from sqlalchemy import select

from petition.core.db import db
from petition.core.exceptions import ValidationError
from petition.core.i18n import N_
from petition.core.openapi import ApiBlueprint, document_operation, document_problems
from petition.mailings import actions, lifecycle, test_emails
from petition.mailings.audience.preview import count_audience
from petition.mailings.drafts import create, parse_draft
from petition.mailings.models import Mailing, MailingState
from petition.mailings.report import build_report
from petition.petitions import queries as petition_queries
from petition.team.api_tokens.access import ACCESS_TOKEN, current_token, require_petition, require_scope
from petition.team.api_tokens.scopes import Scope

ACCESS = ACCESS_TOKEN
MAX_LISTED = 100
ACTIONS = ("test", "schedule", "unschedule", "pause", "resume", "cancel", "retry", "add-recipients")
blueprint = ApiBlueprint("mailings_api", __name__, url_prefix="/api/v1/mailings", description="Mailings for a token")


class ListedMailingSchema(ma.Schema):
    """A mailing."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    state = ma.fields.String(required=True, validate=validate.OneOf([state.value for state in MailingState]))


class MailingReportSchema(ListedMailingSchema):
    """A mailing with its counts, as `petition mailings report --json` has them. Nothing of its recipients."""

    class Meta:
        unknown = ma.INCLUDE

    reason = ma.fields.String(required=True, allow_none=True)
    sender_name = ma.fields.String(required=True)
    subjects = ma.fields.Dict(required=True)
    created_at = ma.fields.String(required=True, allow_none=True)
    send_at = ma.fields.String(required=True, allow_none=True)
    started_at = ma.fields.String(required=True, allow_none=True)
    ended_at = ma.fields.String(required=True, allow_none=True)
    audience = ma.fields.Raw(required=True, allow_none=True)
    recipients = ma.fields.Integer(required=True)
    states = ma.fields.Dict(required=True)
    bounced = ma.fields.Integer(required=True)
    unsubscribed = ma.fields.Integer(required=True)


class MailingTextSchema(ma.Schema):
    """The text in one language."""

    subject = ma.fields.String(required=True)
    preheader = ma.fields.String(load_default="")
    body = ma.fields.String(required=True, metadata={"description": N_("Markdown")})


class MailingDraftSchema(ma.Schema):
    """A draft to signers who agreed to news; `settings` has other fields of the form at the desk."""

    name = ma.fields.String(required=True)
    petitions = ma.fields.List(ma.fields.String(), required=True, validate=validate.Length(1, 50))
    texts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(MailingTextSchema), required=True)
    settings = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), load_default=dict)


class MailingActionSchema(ma.Schema):
    """What to do."""

    action = ma.fields.String(required=True, validate=validate.OneOf(ACTIONS))
    at = ma.fields.AwareDateTime(
        metadata={"description": N_("of schedule: when, with an offset; left out, after the time to undo it")}
    )
    reason = ma.fields.String(load_default="", metadata={"description": N_("of pause and cancel")})


EXAMPLE_LISTED = {"id": 4, "name": "Première réponse", "state": "sending"}
EXAMPLE_REPORT = EXAMPLE_LISTED | {
    "reason": None, "sender_name": "Internet en prison", "subjects": {"fr": "Une première réponse"},
    "created_at": "2022-10-10T09:00:00+00:00", "send_at": None, "started_at": "2022-10-10T10:00:00+00:00",
    "ended_at": None, "audience": {"recipients": 512}, "recipients": 512, "states": {"sent": 120, "due": 392},
    "bounced": 1, "unsubscribed": 2,
}  # fmt: skip
EXAMPLE_DRAFT = {
    "name": "Première réponse", "petitions": ["internet-en-prison"],
    "texts": {"fr": {"subject": "Une première réponse", "body": "Bonjour {{ name }},\n\nMerci."}},
}  # fmt: skip


def _report(mailing: Mailing) -> dict[str, Any]:
    report = build_report(mailing)
    return {name: report[name] for name in MailingReportSchema().fields}


def _find(number: int, *, lock: bool = False) -> Mailing:
    mailing = lifecycle.find(number, lock=lock)
    if current_token().petition_id is not None:
        for petition_id in mailing.segment.get("petitions") or [None]:
            require_petition(petition_id)
    return mailing


@blueprint.route("")
class Mailings(MethodView):
    """All mailings."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE)
    @blueprint.response(200, ListedMailingSchema(many=True), example=[EXAMPLE_LISTED])
    @document_operation(blueprint, "list_mailings", 200, N_("List the last hundred mailings, newest first."))
    def get(self) -> list[dict[str, Any]]:
        """List the last hundred mailings, newest first."""
        only = current_token().petition_id
        found = db.session.scalars(select(Mailing).order_by(Mailing.id.desc()).limit(MAX_LISTED))
        return [
            {"id": mailing.id, "name": mailing.name, "state": mailing.state}
            for mailing in found
            if only is None or mailing.segment.get("petitions") == [only]
        ]

    @require_scope(blueprint, Scope.MAILINGS_MANAGE)
    @blueprint.arguments(MailingDraftSchema(), example=EXAMPLE_DRAFT)
    @blueprint.response(201, MailingReportSchema(), example=EXAMPLE_REPORT)
    @document_problems(blueprint, 400, 413, 422)
    @document_operation(blueprint, "create_mailing", 201, N_("Create a draft; nothing is sent."))
    def post(self, body: dict[str, Any]) -> dict[str, Any]:
        """Create a draft; nothing is sent."""
        slugs = {petition.slug: petition.id for petition in petition_queries.list_all()}
        unknown = [slug for slug in body["petitions"] if slug not in slugs]
        if unknown:
            raise ValidationError({"petitions": _("Choose one of the list.")})
        for slug in body["petitions"]:
            require_petition(slugs[slug])
        form: dict[str, Any] = {**body["settings"], "name": body["name"]}
        form["petitions"] = [str(slugs[slug]) for slug in body["petitions"]]
        for language, text in body["texts"].items():
            form |= {f"{part}_{language}": value for part, value in text.items()}
        mailing = create(parse_draft(form), current_token().account.email)
        count_audience(mailing)
        db.session.commit()
        return _report(mailing)


@blueprint.route("/<int:number>")
class OneMailing(MethodView):
    """One mailing."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE)
    @blueprint.response(200, MailingReportSchema(), example=EXAMPLE_REPORT)
    @document_problems(blueprint, 404)
    @document_operation(blueprint, "show_mailing", 200, N_("Return a mailing with its counts."))
    def get(self, number: int) -> dict[str, Any]:
        """Return a mailing with its counts."""
        return _report(_find(number))


@blueprint.route("/<int:number>/actions")
class MailingActions(MethodView):
    """What moves a mailing on."""

    @require_scope(blueprint, Scope.MAILINGS_MANAGE)
    @blueprint.arguments(MailingActionSchema(), example={"action": "schedule", "at": "2022-10-11T09:00:00+02:00"})
    @blueprint.response(200, MailingReportSchema(), example=EXAMPLE_REPORT)
    @document_problems(blueprint, 400, 404, 409, 413, 422)
    @document_operation(
        blueprint, "act_on_mailing", 200, N_("Test, schedule, pause, resume or cancel a mailing, as on the desk.")
    )
    def post(self, body: dict[str, Any], number: int) -> dict[str, Any]:
        """Test, schedule, pause, resume or cancel a mailing, as on the desk. A test goes to the token's account."""
        mailing, account = _find(number, lock=True), current_token().account
        action, reason = body["action"], body["reason"]
        if action == "test":
            test_emails.enqueue_tests(mailing, [account], account.email)
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
