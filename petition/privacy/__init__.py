"""Requests of persons about their data, by letter, phone or email: found, answered in time, and on the record."""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages, the count in the navigation and what the copy of a signer's data has of requests."""
    from petition.privacy import labels, person_requests
    from petition.privacy.views import requests
    from petition.signatures.personal.data_copy import register_data_source
    from petition.team.template_context import register_navigation_count

    app.register_blueprint(requests.blueprint)
    register_navigation_count(app, "person_requests.index", person_requests.navigation_count)
    register_data_source(app, "requests", person_requests.list_of_signature)
    app.add_template_global(labels.request_labels)
    app.add_template_global(labels.request_state_label)
    app.add_template_global(labels.channel_label)
    app.add_template_global(labels.outcome_label)
