"""Signatures: sign, confirm by email, be counted and listed, withdraw.

`review/` has the rules for names; `search/` and `staff/` are what the team does with signatures.
"""

from flask import Flask


def register(app: Flask) -> None:
    """Register the pages of signers and team, the API, the emails, the bulk actions and the periodic tasks."""
    from petition.backups.replay import register_replay
    from petition.bulk_actions.runner import register_handler
    from petition.core import openapi
    from petition.core.celery import register_task
    from petition.delivery.bounces.handlers import register_unsubscribe_handler
    from petition.delivery.composers import register_composer
    from petition.delivery.queues import CONFIRMATIONS
    from petition.delivery.worker import register_before_claim
    from petition.signatures import api, consent, emails, journal_replay, sign_requests, tasks
    from petition.signatures.listing import public_list, withheld
    from petition.signatures.partner_news import consents as partner_news_consents
    from petition.signatures.personal import request_emails
    from petition.signatures.review import own_domain, queue
    from petition.signatures.staff import invalidate, quarantine
    from petition.signatures.views import (
        address_change,
        bulk,
        check_email,
        confirm,
        consents,
        disown,
        draft_preview,
        embed,
        embed_settings,
        organisations,
        own_signatures,
        personal_page,
        report,
        review,
        search,
        shared_draft,
        sign,
        signatories,
        staff,
        thank_you,
    )
    from petition.team.template_context import register_navigation_count

    openapi.register_blueprint(app, api.blueprint)
    openapi.register_blueprint(app, consents.blueprint)
    for view in (
        sign,
        embed,
        embed_settings,
        confirm,
        thank_you,
        check_email,
        disown,
        signatories,
        report,
        personal_page,
        address_change,
        own_signatures,
        search,
        bulk,
        staff,
        review,
        organisations,
        draft_preview,
        shared_draft,
    ):
        app.register_blueprint(view.blueprint)
    register_navigation_count(app, "name_review.index", queue.navigation_count)
    app.add_template_global(consent.consent_wording)
    app.add_template_global(partner_news_consents.list_boxes, "partner_boxes")
    app.add_template_global(consent.passing_on_wording)
    app.add_template_global(public_list.preview_signatories)
    app.add_template_global(own_domain.is_own_domain)
    app.add_template_global(withheld.list_waiting, "list_withheld")
    app.add_template_global(withheld.list_offers, "naming_offers")
    register_composer(app, "confirm_signature", emails.compose_confirm_signature)
    register_composer(app, "reminder", emails.compose_reminder)
    register_composer(app, "already_signed", emails.compose_already_signed)
    register_composer(app, "personal_link", emails.compose_personal_link)
    register_composer(app, "withdrawn", emails.compose_withdrawn)
    register_composer(app, "new_address", request_emails.compose_new_address)
    register_composer(app, "address_change", request_emails.compose_address_change)
    register_composer(app, "own_signatures", request_emails.compose_own_signatures)
    register_composer(app, "name_withheld", request_emails.compose_name_withheld)
    register_before_claim(app, CONFIRMATIONS, sign_requests.process_sign_requests)
    register_unsubscribe_handler(app, (*emails.KINDS, *request_emails.KINDS), emails.stop_updates)
    register_handler(app, "signatures", "invalidate", invalidate.invalidate_batch, undoable=True)
    register_handler(app, "signatures", "reinstate", invalidate.reinstate_batch, undoable=True)
    register_handler(app, "signatures", "quarantine", quarantine.quarantine_batch, undoable=True)
    register_handler(app, "signatures", "release", quarantine.release_batch, undoable=True)
    register_replay(app, journal_replay.replay_entries)
    register_task(app, tasks.run_reminders)
    register_task(app, tasks.run_release_names)
    register_task(app, tasks.run_list_requests)
    register_task(app, tasks.watch_attacks)
    register_task(app, tasks.set_aside_disposable)
    register_task(app, tasks.run_retention)
