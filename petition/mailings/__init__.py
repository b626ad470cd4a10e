"""Follow-up mailings: written, tested, scheduled, sent once to every signer who opted in, reported."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the public pages, the team's pages, the emails and the scheduler's task."""
    from petition.core.celery import register_task
    from petition.delivery.bounces.handlers import register_unsubscribe_handler
    from petition.delivery.composers import register_composer
    from petition.mailings import data_copy, emails, models, partner_senders, tasks, unsubscribe
    from petition.mailings.drafting import test_emails
    from petition.mailings.views import desk, edit, preview, public, sending
    from petition.petitions.partners import access
    from petition.signatures.personal.data_copy import register_data_source

    for view in (public, desk, edit, preview, sending):
        app.register_blueprint(view.blueprint)
    register_composer(app, models.MAILING_KIND, emails.compose_mailings, counted=False)
    register_composer(app, models.MAILING_STOPPED_KIND, emails.compose_mailing_stopped, counted=False)
    register_composer(app, models.MAILING_TEST_KIND, test_emails.compose_mailing_test, counted=False)
    register_unsubscribe_handler(app, (models.MAILING_KIND,), unsubscribe.unsubscribe_by_email)
    register_data_source(app, "mailings", data_copy.list_mailings)
    access.register_subject(app, "mailing_id", partner_senders.find_subject)
    register_task(app, tasks.run_process_mailings)
