"""Mail queue for operators: statistics, health, actions, heartbeats, metrics, reconciliation.

Pages under /ops/, commands `petition doctor|queue|bounces|suppressions`, /metrics and the components of /readyz.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # some modules are imported without the application, by `petition queue check`
    from flask import Flask


def register(app: "Flask") -> None:
    """Register pages, metrics, readiness checks, labels, bulk actions and periodic tasks."""
    from petition.bulk_actions.runner import register_handler
    from petition.core.celery import register_task
    from petition.operations import labels, tasks
    from petition.operations.actions import delivery_actions
    from petition.operations.health import readiness
    from petition.operations.views import (
        actions,
        bounces,
        dashboard,
        doctor,
        history,
        metrics,
        providers,
        request_echo,
        suppressions,
        timelines,
    )
    from petition.signatures.labels import email_kind_label

    readiness.init_app(app)
    app.extensions["petition.outage_text"] = labels.outage_text
    pages = (dashboard, actions, timelines, history, providers, bounces, suppressions, doctor)
    for view in (*pages, metrics, request_echo):
        app.register_blueprint(view.blueprint)
    for label in (
        labels.action_labels,
        labels.bounce_kind_label,
        labels.cause_label,
        labels.describe_pace,
        labels.domain_problem_label,
        email_kind_label,
        labels.health_label,
        labels.mailbox_problem_label,
        labels.provider_remedy,
        labels.reason_message,
        labels.state_label,
    ):
        app.add_template_global(label)
    register_handler(app, delivery_actions.SUBJECT, delivery_actions.DeliveryVerb.RETRY, delivery_actions.retry)
    register_handler(app, delivery_actions.SUBJECT, delivery_actions.DeliveryVerb.DISCARD, delivery_actions.discard)
    register_handler(app, delivery_actions.SUBJECT, delivery_actions.DeliveryVerb.MARK_SENT, delivery_actions.mark_sent)
    register_task(app, tasks.run_probe)
    register_task(app, tasks.run_reconcile)
    register_task(app, tasks.run_record_troubles)
    register_task(app, tasks.run_check_host)
    register_task(app, tasks.run_check_site)
    register_task(app, tasks.run_check_sign_in_provider)
    register_task(app, tasks.run_send_webhooks)
    register_task(app, tasks.run_retention)
