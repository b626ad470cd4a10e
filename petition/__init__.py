"""An email-verified petition backend. `create_app` is its table of contents."""

from typing import Any

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from petition.core import api, db, headers, health, i18n, logging, pages, queue, redis, replica, shelf
from petition.delivery import doorbell, sheet, transport
from petition.delivery import tasks as delivery_tasks
from petition.delivery.bounces import pages as bounce_pages
from petition.delivery.bounces import tasks as bounce_tasks
from petition.embedded import mailbox_pages
from petition.exports import manage as exports_manage
from petition.mailings import emails as mailing_emails
from petition.mailings import manage as mailings_manage
from petition.mailings import pages as mailing_pages
from petition.mailings import reading_pages, rehearse, sending_pages, write_pages
from petition.mailings import tasks as mailing_tasks
from petition.operations import bounce_pages as bounce_report_pages
from petition.operations import manage as operations_manage
from petition.operations import metrics_pages, ready, suppression_pages
from petition.operations import pages as operations_pages
from petition.operations import tasks as operations_tasks
from petition.petitions import api as petitions_api
from petition.petitions import campaign_pages, paper_pages, state_pages
from petition.petitions import manage as petitions_manage
from petition.petitions import pages as petition_pages
from petition.petitions import tasks as petitions_tasks
from petition.signatures import api as signatures_api
from petition.signatures import consent, emails, listing, organisation_pages, personal_pages, runs_pages, search_pages
from petition.signatures import manage as signatures_manage
from petition.signatures import pages as signature_pages
from petition.signatures import tasks as signature_tasks
from petition.team import audit_pages, look, own_pages, people_pages, sign_in
from petition.team import emails as team_emails
from petition.team import pages as team_pages
from petition.team import tasks as team_tasks

LONGEST_BODY = 64 * 1024  # bytes

TASKS = (delivery_tasks, bounce_tasks, team_tasks, petitions_tasks, signature_tasks, mailing_tasks, operations_tasks)
COMPOSERS = (emails, team_emails, mailing_emails, rehearse)
SIGNERS = (petition_pages.blueprint, signature_pages.blueprint, personal_pages.blueprint, mailing_pages.blueprint)
TEAM = (
    mailings_manage.blueprint,
    write_pages.blueprint,
    reading_pages.blueprint,
    sending_pages.blueprint,
    search_pages.blueprint,
    runs_pages.blueprint,
    signatures_manage.blueprint,
    exports_manage.blueprint,
    operations_pages.blueprint,
    operations_manage.blueprint,
    bounce_report_pages.blueprint,
    suppression_pages.blueprint,
    metrics_pages.blueprint,
    team_pages.blueprint,
    own_pages.blueprint,
    people_pages.blueprint,
    audit_pages.blueprint,
    petitions_manage.blueprint,
    state_pages.blueprint,
    campaign_pages.blueprint,
    paper_pages.blueprint,
    organisation_pages.blueprint,
)
PROGRAMS = (petitions_api.blueprint, signatures_api.blueprint)


class App(Flask):
    """Flask without what is asynchronous, and with failures logged by their route: a path may hold a token."""

    def ensure_sync(self, func: Any) -> Any:
        """Return a view as it is: none is asynchronous, and Flask would look at each of its wrappers every time."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Log what a view raised."""
        rule = request.url_rule.rule if request.url_rule else "-"
        self.logger.error("Exception on %s [%s]", rule, request.method, exc_info=exc_info)


def create_app(config: Any) -> Flask:
    """Make the application out of settings, which nothing below this reads from anywhere else."""
    app = App(__name__)
    app.config.from_object(config)
    app.config.update(MAX_CONTENT_LENGTH=LONGEST_BODY, MAX_FORM_MEMORY_SIZE=LONGEST_BODY, MAX_FORM_PARTS=100)
    # Seconds, for the assets of libraries, whose addresses do not change with their content; `pages` keeps ours longer.
    app.config.update(SEND_FILE_MAX_AGE_DEFAULT=3600)
    for part in (
        logging,
        db,
        replica,
        redis,
        queue,
        shelf,
        i18n,
        doorbell,
        sheet,
        transport,
        headers,
        pages,
        sign_in,
        look,
        ready,
    ):
        part.init_app(app)
    proxies = app.config["PROXY_COUNT"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    description = api.init_app(app)
    for program in PROGRAMS:
        description.register_blueprint(program)
    for pages_of in (*SIGNERS, *TEAM):
        app.register_blueprint(pages_of)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(bounce_pages.blueprint)
    app.add_template_global(consent.consent_wording)
    app.add_template_global(listing.opening)
    _register_mailbox(app)
    return app


def _register_mailbox(app: Flask) -> None:
    if app.config["PETITION_MAILBOX"]:
        app.register_blueprint(mailbox_pages.blueprint(app.config["PETITION_MAILBOX"]))
