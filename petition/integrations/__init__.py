"""Other programs: tokens of the API at the desk, what they allow beyond the public API, and webhooks."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages, the API of tokens and what the emails and tasks of webhooks need."""
    from petition.core.celery import register_task
    from petition.core.openapi import register_blueprint
    from petition.count_log.log import changes_taken
    from petition.integrations import data_copy, labels, tasks
    from petition.integrations.api import (
        bulk_actions,
        clusters,
        dossiers,
        draft_links,
        exports,
        images,
        legal_notice,
        mailings,
        names,
        organisations,
        paper,
        partnerships,
        petitions,
        recipients,
        sheets,
        signatures,
        statistics,
        updates,
    )
    from petition.integrations.views import tokens, webhook_failures, webhooks
    from petition.integrations.webhooks import events
    from petition.mailings.lifecycle import mailing_finished
    from petition.signatures.personal.data_copy import register_data_source
    from petition.team.api_tokens.scopes import describe_scopes

    for view in (tokens, webhooks, webhook_failures):
        app.register_blueprint(view.blueprint)
    app.add_template_global(labels.event_type_labels)
    app.add_template_global(labels.event_state_label)
    app.add_template_global(labels.answer_label)
    register_data_source(app, "webhooks", data_copy.list_events)
    changes_taken.connect(events.on_changes_taken)
    mailing_finished.connect(events.write_mailing_finished)
    register_task(app, tasks.run_send_webhooks)
    register_task(app, tasks.run_retention)
    app.add_template_filter(describe_scopes, "scopes")
    modules = (
        statistics, signatures, exports, bulk_actions, names, petitions, draft_links, images, legal_notice,
        partnerships, updates, organisations, clusters, paper, sheets, dossiers, mailings, recipients,
    )  # fmt: skip
    for module in modules:
        register_blueprint(app, module.blueprint)
