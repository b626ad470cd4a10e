"""The audit trail in sentences: who did what to what, in the reader's language."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy import select

from petition.core.db import db
from petition.core.i18n import N_
from petition.core.languages.collation import sort_key
from petition.team.labels import actor_label, list_role_labels
from petition.team.models import Account, AuditEvent

FIELD_LABELS_EXTENSION = "audit_field_labels"

# By action. `who`: the actor. `what`: the subject, such as the address of an account, the number of a signature.
SENTENCES = {
    "accepted": N_("%(who)s accepted the invitation."),
    "authenticator.set": N_("%(who)s set up an authenticator app."),
    "backup.drilled": N_("%(who)s tested a backup."),
    "bounce.read": N_("%(who)s read bounce report %(what)s."),
    "database.ids_skipped": N_("%(who)s skipped numbers after a restore."),
    "database.restored": N_("%(who)s replayed the erasure journal after a restore."),
    "database.upgraded": N_("%(who)s upgraded the database."),
    "deliveries.discard": N_("%(who)s cancelled emails that had failed."),
    "deliveries.mark-sent": N_("%(who)s marked emails as sent."),
    "deliveries.retry": N_("%(who)s had failed emails sent again."),
    "deliveries.stopped": N_("%(who)s stopped an action on emails."),
    "disabled": N_("%(who)s deactivated the account of %(what)s."),
    "enabled": N_("%(who)s activated the account of %(what)s again."),
    "invited": N_("%(who)s invited %(what)s to the team."),
    "link.asked": N_("Somebody asked for a new link for the account of %(what)s."),
    "legal.removed": N_("%(who)s deleted the legal notice of “%(what)s”."),
    "legal.site_written": N_("%(who)s changed the legal notice of the site."),
    "legal.written": N_("%(who)s changed the legal notice of “%(what)s”."),
    "mailing.adjust": N_("%(who)s changed the name, speed or limits of mailing %(what)s."),
    "mailing.cancel": N_("%(who)s cancelled mailing %(what)s."),
    "mailing.correct": N_("%(who)s corrected mailing %(what)s while it was paused."),
    "mailing.create": N_("%(who)s wrote mailing %(what)s."),
    "mailing.edit": N_("%(who)s changed mailing %(what)s."),
    "mailing.extend": N_("%(who)s added recipients to mailing %(what)s."),
    "mailing.finish": N_("Mailing %(what)s was sent to everybody."),
    "mailing.pause": N_("%(who)s paused mailing %(what)s."),
    "mailing.reopen": N_("%(who)s reopened mailing %(what)s."),
    "mailing.resume": N_("%(who)s resumed mailing %(what)s."),
    "mailing.retest": N_("%(who)s tested the correction of mailing %(what)s."),
    "mailing.retry": N_("%(who)s had failed emails of mailing %(what)s sent again."),
    "mailing.schedule": N_("%(who)s scheduled mailing %(what)s."),
    "mailing.start": N_("Mailing %(what)s began."),
    "mailing.test": N_("%(who)s tested mailing %(what)s."),
    "mailing.unschedule": N_("%(who)s undid the sending of mailing %(what)s."),
    "organisation.merged": N_("%(who)s merged organisations."),
    "organisation.placed": N_("%(who)s changed the order of the organisations."),
    "organisation.renamed": N_("%(who)s gave an organisation a short name."),
    "organisation.unmerged": N_("%(who)s undid the merge of an organisation."),
    "paper.added": N_("%(who)s added paper signatures to “%(what)s”."),
    "paper.resumed": N_("%(who)s resumed work on paper signatures of “%(what)s”."),
    "paper.scan_added": N_("%(who)s added the scan of a sheet of “%(what)s”."),
    "paper.scan_deleted": N_("%(who)s deleted the scan of a sheet of “%(what)s”."),
    "paper.sheet_added": N_("%(who)s typed a sheet of paper signatures of “%(what)s”."),
    "paper.sheet_restored": N_("%(who)s put back a struck sheet of “%(what)s”."),
    "paper.sheet_struck": N_("%(who)s struck a sheet of paper signatures of “%(what)s”."),
    "paper.stopped": N_("%(who)s stopped work on paper signatures of “%(what)s”."),
    "paper.struck": N_("%(who)s deleted a paper signature of “%(what)s”."),
    "paper.undone": N_("%(who)s cancelled an import of paper signatures of “%(what)s”."),
    "paper.written": N_("%(who)s wrote a paper signature of “%(what)s”."),
    "partner.created": N_("%(who)s added the partner “%(what)s”."),
    "partner.changed": N_("%(who)s changed the name or addresses of the partner “%(what)s”."),
    "partner.member_added": N_("%(who)s added a member to the partner “%(what)s”."),
    "partner.member_removed": N_("%(who)s removed a member of the partner “%(what)s”."),
    "passkey.added": N_("%(who)s added a passkey."),
    "passkey.deleted": N_("%(who)s deleted a passkey."),
    "password.changed": N_("%(who)s changed their password."),
    "password.reset": N_("%(who)s chose a new password with an emailed link."),
    "petition.anonymisation_announced": N_("The anonymisation of “%(what)s” was announced to the team."),
    "petition.anonymisation_postponed": N_("%(who)s postponed the anonymisation of “%(what)s”."),
    "petition.anonymisation_started": N_("The anonymisation of “%(what)s” began."),
    "petition.anonymised": N_("The signatures of “%(what)s” were anonymised."),
    "petition.attacked": N_("Unusually many unconfirmed signatures of “%(what)s” arrived."),
    "petition.changed": N_("%(who)s changed “%(what)s”: %(fields)s."),
    "petition.created": N_("%(who)s created the draft “%(what)s”."),
    "dossier.requested": N_("%(who)s asked for a dossier of “%(what)s”."),
    "dossier.made": N_("The dossier of “%(what)s” that %(who)s asked for was made."),
    "dossier.downloaded": N_("%(who)s downloaded a dossier of “%(what)s”."),
    "petition.image": N_("%(who)s added an image to “%(what)s”."),
    "petition.image_deleted": N_("%(who)s deleted an image of “%(what)s”."),
    "petition.duplicated": N_("%(who)s made the draft “%(what)s” as a copy of another petition."),
    "petition.partner_joined": N_("%(who)s made “%(partner)s” a partner of “%(what)s”."),
    "petition.partner_changed": N_("%(who)s changed what the partner “%(partner)s” of “%(what)s” may do."),
    "petition.partner_wording": N_(
        "%(who)s changed the wording of the checkbox of the partner “%(partner)s” of “%(what)s”."
    ),
    "petition.partner_left": N_("%(who)s ended the part of “%(partner)s” in “%(what)s”."),
    "petition.handed_over": N_("%(who)s changed the day on which “%(what)s” was handed over."),
    "petition.state": N_("%(who)s changed the state of “%(what)s”."),
    "petition.unshared": N_("%(who)s ended the links to see the draft “%(what)s”."),
    "petition.shared": N_("%(who)s made a link to see the draft “%(what)s”."),
    "petition.update_changed": N_("%(who)s changed news of “%(what)s”."),
    "petition.update_deleted": N_("%(who)s deleted the draft of news of “%(what)s”."),
    "petition.update_published": N_("%(who)s published news of “%(what)s”."),
    "petition.update_taken_back": N_("%(who)s took back news of “%(what)s”."),
    "petition.update_written": N_("%(who)s wrote a draft of news of “%(what)s”."),
    "provider.limited": N_("%(who)s limited the emails to %(what)s."),
    "provider.resumed": N_("%(who)s had %(what)s mailed at full speed again."),
    "provider.tried": N_("%(who)s had an email to %(what)s tried at once."),
    "queue.paused": N_("%(who)s paused the queue “%(what)s”."),
    "queue.resumed": N_("%(who)s resumed the queue “%(what)s”."),
    "recovery-code.used": N_("%(who)s signed in with a recovery code."),
    "recovery-codes.created": N_("%(who)s created recovery codes."),
    "request.done": N_("%(who)s did what request %(what)s asks for."),
    "integrity.held": N_("%(who)s quarantined the signatures of cluster %(what)s."),
    "integrity.ignored": N_("%(who)s ignored cluster %(what)s."),
    "integrity.watched": N_("%(who)s had cluster %(what)s watched again."),
    "request.exported": N_("%(who)s exported what is held for request %(what)s."),
    "request.extended": N_("%(who)s took more time to answer request %(what)s."),
    "request.recorded": N_("%(who)s recorded request %(what)s."),
    "request.refused": N_("%(who)s refused request %(what)s."),
    "request.viewed": N_("%(who)s looked at request %(what)s."),
    "roles.changed": N_("%(who)s changed the roles of %(what)s to: %(roles)s."),
    "second-factor.reset": N_("%(who)s reset two-factor authentication for %(what)s."),
    "session.ended": N_("%(who)s ended one of their sessions."),
    "sessions.ended": N_("%(who)s signed out everywhere."),
    "sign-in.failed": N_("Signing in to the account of %(what)s failed."),
    "signature.confirmed": N_("%(who)s confirmed signature %(what)s without the link."),
    "signature.corrected": N_("%(who)s corrected signature %(what)s."),
    "signature.address_given": N_("%(who)s asked the owner of a new address to confirm it for signature %(what)s."),
    "signature.erased": N_("%(who)s erased signature %(what)s."),
    "signature.invalidated": N_("%(who)s invalidated signature %(what)s."),
    "signature.name_approved": N_("%(who)s approved the name of signature %(what)s."),
    "signature.name_rejected": N_("%(who)s took the name of signature %(what)s off the list."),
    "signature.name_reopened": N_("%(who)s reopened the review of signature %(what)s."),
    "signature.quarantined": N_("%(who)s quarantined signature %(what)s."),
    "signature.released": N_("%(who)s released signature %(what)s from quarantine."),
    "signature.reinstated": N_("%(who)s reinstated signature %(what)s."),
    "signature.resent": N_("%(who)s had the link of signature %(what)s sent again."),
    "signature.restored": N_("%(who)s restored signature %(what)s, which had been disowned."),
    "signature.restricted": N_("%(who)s restricted the use of signature %(what)s."),
    "signature.restriction_lifted": N_("%(who)s lifted the restriction of signature %(what)s."),
    "signature.searched": N_("%(who)s searched for signatures."),
    "signature.updates_stopped": N_("%(who)s stopped the news to signature %(what)s."),
    "signature.viewed": N_("%(who)s looked at signature %(what)s."),
    "signature.withdrawn": N_("%(who)s withdrew signature %(what)s."),
    "signatures.export": N_("%(who)s began an export of signatures."),
    "signatures.exported": N_("%(who)s exported signatures."),
    "signatures.invalidate": N_("%(who)s invalidated signatures in bulk."),
    "signatures.quarantine": N_("%(who)s quarantined signatures in bulk."),
    "signatures.release": N_("%(who)s released signatures from quarantine in bulk."),
    "signatures.read": N_("%(who)s read signatures of “%(what)s” that may be passed on."),
    "signatures.reinstate": N_("%(who)s reinstated signatures in bulk."),
    "signatures.stopped": N_("%(who)s stopped a bulk action on signatures."),
    "provider.joined": N_("%(what)s joined by the organisation's sign-in. Roles: %(roles)s."),
    "provider.linked": N_("%(who)s linked their account to the organisation's sign-in."),
    "provider.unlinked": N_("%(who)s undid the link of %(what)s to the organisation's sign-in."),
    "signed.in": N_("%(who)s signed in."),
    "statistics.reconciled": N_("%(who)s compared the statistics with the rows."),
    "suppression.add": N_("%(who)s put an address on the suppression list."),
    "suppression.import": N_("%(who)s imported a suppression list."),
    "suppression.key_dropped": N_("%(who)s dropped an old key of the suppression list."),
    "suppression.remove": N_("%(who)s took an address off the suppression list."),
    "token.created": N_("%(who)s made token %(what)s of the API."),
    "token.revoked": N_("%(who)s revoked token %(what)s of the API."),
    "webhook.changed": N_("%(who)s changed webhook %(what)s."),
    "webhook.created": N_("%(who)s made webhook %(what)s."),
    "webhook.deleted": N_("%(who)s deleted webhook %(what)s."),
    "webhook.discarded": N_("%(who)s discarded events of webhooks."),
    "webhook.paused": N_("%(who)s paused webhook %(what)s."),
    "webhook.replayed": N_("%(who)s had events of webhooks sent again."),
    "webhook.resumed": N_("%(who)s resumed webhook %(what)s."),
    "webhook.rotated": N_("%(who)s gave webhook %(what)s a new secret."),
    "webhook.tested": N_("%(who)s sent a test to webhook %(what)s."),
}
STATE_SENTENCES = {
    "draft": N_("%(who)s put “%(what)s” back into draft."),
    "open": N_("%(who)s opened “%(what)s”."),
    "closed": N_("%(who)s closed “%(what)s”."),
    "archived": N_("%(who)s archived “%(what)s”."),
}
WON_SENTENCES = {
    True: N_("%(who)s marked “%(what)s” as won."),
    False: N_("%(who)s took back that “%(what)s” was won."),
}


# The actions by what they are about, for a list of them: what their names begin with. Others are the team's.
ACTION_GROUPS = (
    (N_("Petitions"), ("petition.", "legal.", "organisation.", "partner.", "dossier.")),
    (N_("Signatures"), ("signature.", "signatures.", "integrity.", "request.")),
    (N_("Signatures on paper"), ("paper.",)),
    (N_("Mailings"), ("mailing.",)),
    (N_("Emails"), ("bounce.", "deliveries.", "provider.limited", "provider.resumed", "provider.tried", "queue.",
                    "suppression.")),
    (N_("API"), ("token.", "webhook.")),
    (N_("Server"), ("backup.", "database.", "statistics.")),
)  # fmt: skip
TEAM_GROUP = N_("Team")
BLANKS = dict.fromkeys(("who", "what", "fields", "roles", "partner"), "…")


class Sentence(NamedTuple):
    """An event and what it says."""

    event: AuditEvent
    text: str


def describe_events(events: Iterable[AuditEvent]) -> list[Sentence]:
    """Return a sentence for each event; accounts are named by one query. An action without a sentence is named."""
    found = list(events)
    ids = {int(e.subject_id or 0) for e in found if e.subject == "account" and (e.subject_id or "").isdigit()}
    rows = db.session.execute(select(Account.id, Account.email).where(Account.id.in_(ids))) if ids else ()
    addresses = {str(row.id): row.email for row in rows}
    return [Sentence(event, _describe(event, addresses)) for event in found]


def list_actions() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return all actions by group, each with its sentence about nobody in particular, in alphabetical order."""
    groups: dict[str, list[tuple[str, str]]] = {_(label): [] for label, _prefixes in ACTION_GROUPS}
    team = groups.setdefault(_(TEAM_GROUP), [])
    for action, template in SENTENCES.items():
        found = (_(label) for label, prefixes in ACTION_GROUPS if action.startswith(prefixes))
        groups.get(next(found, ""), team).append((action, (_(template) % BLANKS).rstrip(".")))
    return [(label, sorted(actions, key=lambda one: sort_key(one[1]))) for label, actions in groups.items()]


def register_field_labels(app: Flask, subject: str, label: Callable[[str], str]) -> None:
    """Name the changed fields of a kind of subject as its form does."""
    app.extensions.setdefault(FIELD_LABELS_EXTENSION, {})[subject] = label


def _name_field(subject: str, field: str) -> str:
    label = current_app.extensions.get(FIELD_LABELS_EXTENSION, {}).get(subject)
    try:
        return str(label(field)) if label else field
    except KeyError:  # a field that there is no more
        return field


def _describe(event: AuditEvent, addresses: dict[str, str]) -> str:
    after: dict[str, Any] = event.after if isinstance(event.after, dict) else {}
    what = event.subject_id or ""
    if event.subject == "account":
        what = addresses.get(what, what)
    template = SENTENCES.get(event.action)
    if event.action == "petition.state":
        before: dict[str, Any] = event.before if isinstance(event.before, dict) else {}
        was_won, is_won = "won" in before, "won" in after
        template = STATE_SENTENCES.get(str(after.get("state"))) if was_won == is_won else WON_SENTENCES[is_won]
    if template is None:
        return _("%(who)s: %(action)s %(what)s", who=actor_label(event.actor), action=event.action, what=what)
    roles = after.get("roles")
    values = {
        "who": actor_label(event.actor),
        "what": what,
        "fields": _("; ").join(_name_field(event.subject, name) for name in after),
        "roles": list_role_labels(roles) if isinstance(roles, list) else "",
        "partner": after.get("partner", ""),
    }
    return _(template) % values
