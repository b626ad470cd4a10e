"""The one table of what is kept, where, for how long, and what happens then.

`docs/privacy.md` prints it (`petition retention document`), the check suite compares the two, and every period in it is
the constant or the setting that the code goes by. Each table of the database is in a rule, or in `IMPERSONAL_TABLES`.
"""

from dataclasses import dataclass
from datetime import timedelta

from petition.bulk_actions.runner import DRAFT_TTL as BULK_ACTION_DRAFT_TTL
from petition.delivery.bounces.dmarc_reports import RETENTION as DMARC_RETENTION
from petition.delivery.bounces.models import RAW_RETENTION
from petition.delivery.bounces.webhook_auth import TOKEN_RETENTION
from petition.delivery.pacing.actions import RETENTION as PROVIDER_RETENTION
from petition.exports.documents.store import MAX_AGE_OF_NAMES, RETENTION_OF_NAMES
from petition.integrations.webhooks.endpoints import EVENT_RETENTION as WEBHOOK_EVENT_RETENTION
from petition.integrity.retention import CLUSTER_TTL
from petition.operations.statistics.rollup import DAILY_RETENTION, DETAIL_RETENTION, HOURLY_RETENTION, MIN_DAILY_EMAILS
from petition.operations.statistics.rollup import RETENTION as ROLLUP_RETENTION
from petition.petitions.paper.importer import DRAFT_TTL as PAPER_DRAFT_TTL
from petition.signatures.retention import DISOWNED_TTL, NETWORK_MAX_AGE
from petition.signatures.search.saved import SAVED_SEARCH_TTL
from petition.team.api_tokens.tokens import RETENTION_AFTER_END as API_TOKEN_RETENTION
from petition.team.auth.limits import DAY as ATTEMPT_TTL
from petition.team.auth.limits import NETWORK_RETENTION as SIGN_IN_NETWORK_TTL
from petition.team.sessions import MAX_SESSION_AGE
from petition.team.unsaved_forms import RETENTION as UNSAVED_FORM_RETENTION

BEGIN_MARK, END_MARK = "<!-- petition retention document: begin -->", "<!-- petition retention document: end -->"
UNITS = {
    "CONFIRM_WITHIN": "days", "PETITION_KEEP_NETWORKS": "days", "PETITION_KEEP_SIGNATURES": "months",
    "PETITION_KEEP_HANDED_OVER": "days", "PETITION_KEEP_DELIVERIES": "days",
}  # fmt: skip


def _period(length: timedelta) -> str:
    """Return a length in words: "30 days", "a day", "24 hours"."""
    if length.days and not length.seconds:
        return {1: "a day", 365: "a year"}.get(length.days, f"{length.days} days")
    hours = length.total_seconds() / 3600
    return "an hour" if hours == 1 else f"{hours:g} hours"


@dataclass(frozen=True)
class Rule:
    """What is kept and until when. `{SETTING}` in `until` stands for the value of a setting, with its unit.

    `task` performs it, where time does; `tables` are those of the database that it speaks of.
    """

    what: str
    where: str
    until: str
    tables: tuple[str, ...] = ()
    task: str | None = None

    def describe_period(self) -> str:
        """Return until when, with the names of settings and their units."""
        return self.until.format_map({name: f"`{name}` {unit}" for name, unit in UNITS.items()})


SIGNATURES_TASK, ANONYMISATION_TASK, FOLDING_TASK = (
    "petition.signatures.tasks.run_retention",
    "petition.retention.tasks.run_anonymisation",
    "petition.retention.tasks.run_folding",
)
DOCUMENTS_TASK = "petition.exports.documents.tasks.run_retention"
ANONYMISED = (
    "{PETITION_KEEP_SIGNATURES} after it closed (or as many as the petition says), or "
    "{PETITION_KEEP_HANDED_OVER} after it was handed over, whichever is first"
)

RULES = (
    Rule(
        "what was submitted, until a worker makes a signature of it",
        "`sign_requests`",
        "milliseconds; as long as no worker of confirmations runs",
        ("sign_requests",),
    ),
    Rule(
        "name, address, role, place of a signer who has not confirmed",
        "`signatures`",
        "deleted {CONFIRM_WITHIN} after the last request for a link",
        ("signatures",),
        SIGNATURES_TASK,
    ),
    Rule(
        "name, address and town of a signer, in whatever state; the person who signed for an organisation; who "
        "signed on paper, with the reference of the sheet and the names of the files",
        "`signatures`, `paper_signatures`, `paper_imports`",
        f"erased by the signer at any moment; all of a petition at once, {ANONYMISED}; an administrator can postpone "
        "that, with a reason. Announced to the team 30 days before, and never while a mailing of the petition is "
        "under way",
        ("signatures", "paper_signatures", "paper_imports", "petition_retention", "retention_announcements"),
        ANONYMISATION_TASK,
    ),
    Rule(
        "name that its signer wants shown once enough have signed: in no list, page, export or email until then, and "
        "for ever if the petition closes before",
        "`signatures.withheld_name`",
        "moved to the name within a minute after enough have signed; erased with the signature",
        ("signatures",),
        "petition.signatures.tasks.run_release_names",
    ),
    Rule(
        "how many wait to be named, by what they wait for, with the profession that they share",
        "`withheld_counts`",
        "as long as somebody waits; a group of fewer than five is shown to nobody",
        ("withheld_counts",),
        "petition.signatures.tasks.run_release_names",
    ),
    Rule(
        "signature whose use is restricted at its signer's request (GDPR, article 18): stored, and not used",
        "`signatures.restricted_at`",
        "nothing that time does to a signature is done to it until the restriction is lifted or its signer has it "
        "erased; what was due meanwhile is done then. The team is notified each month while one outlives its petition",
        ("signatures",),
        ANONYMISATION_TASK,
    ),
    Rule(
        "what stays of each signature then: state, profession, area (the first two characters of the postal code), "
        "country, language, source, times to the hour, wording agreed to and when; of an organisation its name, "
        "place and how it is listed",
        "`signatures`, `consent_wordings`",
        "kept: it leads to nobody",
        ("signatures", "consent_wordings"),
    ),
    Rule(
        "of the public log of the count: the statement and the random salt behind a signature's entry, for its receipt",
        "`count_commitments`",
        "destroyed with the address, by a trigger: what is published then leads to nobody",
        ("count_commitments",),
    ),
    Rule(
        "the public log of the count: that somebody was counted or no longer is, to the hour; signed checkpoints",
        "`count_log_entries`, `count_log_nodes`, `count_checkpoints`, `count_cosignatures`; until the worker writes "
        "it, `count_events`",
        "kept: it leads to nobody",
        ("count_events", "count_log_entries", "count_log_nodes", "count_checkpoints", "count_cosignatures"),
    ),
    Rule(
        "network that a signature was requested from: a keyed hash of the /24 (IPv4) or /48 (IPv6), never the address; "
        "whether it was confirmed from there, and since when a press looked like a machine's",
        "`signatures.network`, `signatures.confirmed_same_network`, `signatures.held_at`",
        f"{{PETITION_KEEP_NETWORKS}} after the petition closed; {_period(NETWORK_MAX_AGE)} after the last request "
        "for a link at the latest",
        ("signatures",),
        SIGNATURES_TASK,
    ),
    Rule(
        "signature that looks forged, unchanged, until the team releases or invalidates it",
        "`signatures`, `signatures.quarantined_at`, `signatures.quarantined_by`",
        "as a confirmed one",
        ("signatures",),
    ),
    Rule(
        "clusters of signatures that look forged: what they have in common (a domain, or the keyed hash of a network "
        "or a mailbox), how many, why; the numbers of a few of them",
        "`integrity_clusters`",
        f"{_period(CLUSTER_TTL)} after the last signature of it",
        ("integrity_clusters",),
        "petition.integrity.tasks.run_retention",
    ),
    Rule(
        "signature that the team invalidated, unchanged, so that it can be reinstated",
        "`signatures`",
        "as a confirmed one",
        ("signatures",),
    ),
    Rule(
        "what the team decided about a name in the public list, since when a reader reported it; who decided: "
        "`audit_events`",
        "`signatures.review`, `signatures.reported_at`",
        "with the name",
        ("signatures",),
    ),
    Rule(
        "readers' reports of a name: how many for each reason, nothing of the reader",
        "`name_reports`",
        "until the first report after the team's next decision, or with the name",
        ("name_reports",),
    ),
    Rule(
        "which partner's news a signer agreed to, in which words, since when and until when",
        "`partner_consents`, `consent_wordings`",
        "with the name; ended ones too, as proof",
        ("partner_consents", "consent_wordings"),
        ANONYMISATION_TASK,
    ),
    Rule(
        "a new address that a signer gave, confirmed or not yet",
        "`address_changes`",
        "until its link expires, {CONFIRM_WITHIN}",
        ("address_changes",),
        SIGNATURES_TASK,
    ),
    Rule(
        "how many codes were tried for a link, or for an address that has none: a keyed hash of the address",
        "`code_tries`",
        "{CONFIRM_WITHIN} and a day after the first try",
        ("code_tries",),
        SIGNATURES_TASK,
    ),
    Rule(
        "an address that asked for the list of what it signed",
        "`list_requests`",
        "seconds; as long as no worker of maintenance runs",
        ("list_requests",),
        "petition.signatures.tasks.run_list_requests",
    ),
    Rule(
        "what somebody had erased, withdrawn or stopped, and which petition was anonymised: the act, its time, keyed "
        "hashes of the number and of the address, so that a restored backup does not undo it",
        "`erasure_journal`, and the file `PETITION_JOURNAL` beside the backups",
        "kept; the file's lines may go with the oldest backup",
        ("erasure_journal",),
    ),
    Rule(
        "requests of persons about their data: what, how, when, until when, what was done",
        "`person_requests`",
        "kept, as proof of the answer; the address until it is answered, then a keyed hash",
        ("person_requests",),
    ),
    Rule(
        "what the team searched for: names, addresses, networks",
        "`saved_searches`",
        _period(SAVED_SEARCH_TTL),
        ("saved_searches",),
        SIGNATURES_TASK,
    ),
    Rule(
        "which signatures were invalidated together, by whom and why: row ids and the reason; of the search only "
        "what names nobody",
        "`bulk_actions`, `bulk_action_rows`",
        f"kept; never started: {_period(BULK_ACTION_DRAFT_TTL)}",
        ("bulk_actions", "bulk_action_rows"),
        "petition.bulk_actions.tasks.run_retention",
    ),
    Rule(
        "canonical address of a signature that was disowned, everything else blank, so that it is never mailed about "
        "that petition again",
        "`signatures`",
        "until the petition's signatures are anonymised",
        ("signatures",),
        ANONYMISATION_TASK,
    ),
    Rule(
        "details of a signature that was disowned before it was confirmed, for its link to put it back: in no list, "
        "count, email or export",
        "`signatures`",
        "{CONFIRM_WITHIN} after it was disowned",
        ("signatures",),
        SIGNATURES_TASK,
    ),
    Rule(
        "details of a confirmed signature that was disowned, for the team to put it back: in no list, count, email "
        "or export; consent to updates ends at once",
        "`signatures`",
        _period(DISOWNED_TTL),
        ("signatures",),
        SIGNATURES_TASK,
    ),
    Rule(
        "rows of an export as a workbook, while it is written",
        "temporary files of the web process, readable by no other user",
        "until it is sent",
    ),
    Rule(
        "who is in the public list, in documents that anybody may download: the letter and the list as PDF",
        "`documents`",
        f"served for {_period(MAX_AGE_OF_NAMES)} after it was made, then made again without those who withdrew or were "
        f"erased; deleted after {_period(RETENTION_OF_NAMES)}",
        ("documents",),
        DOCUMENTS_TASK,
    ),
    Rule(
        "dossier that was handed over, as it was then: organisations, and names and roles of who agreed to be named; "
        "no address",
        "`dossiers`; the copies of whom it was handed to",
        "until the petition's signatures are anonymised; its reference, date, counts and digest are kept",
        ("dossiers",),
        DOCUMENTS_TASK,
    ),
    Rule(
        "name, role, town of somebody who signed on paper, before they are added; no address; the file itself",
        "`paper_signatures`, `paper_imports.content`",
        f"the file: until its lines are added, {_period(PAPER_DRAFT_TTL)} at most; lines that were read and not added: "
        f"{_period(PAPER_DRAFT_TTL)}; added: until the import is undone or the line deleted, or as above",
        ("paper_signatures", "paper_imports"),
        "petition.petitions.tasks.delete_stale_paper_drafts",
    ),
    Rule(
        "scan of a sheet that was signed on paper, for the team to check what was typed",
        "`paper_scans`",
        f"until the team deletes it; all of a petition at once, {ANONYMISED}",
        ("paper_scans",),
        ANONYMISATION_TASK,
    ),
    Rule(
        "counts by profession, town, first two characters of the postal code, country, language, by hour",
        "`campaign_*`",
        "while a signature is counted in them; they stay when signatures are anonymised",
        ("campaign_log", "campaign_statistics", "campaign_hours"),
    ),
    Rule(
        "addresses that do not exist, or that asked for no email",
        "keyed hash in `suppressions`",
        "kept",
        ("suppressions",),
    ),
    Rule(
        "what was sent: kind, time, server's response without the address, recipient's domain, and the address it went "
        "to as a keyed hash, so that a late bounce harms nobody else",
        "`deliveries`",
        "folded into daily counts {PETITION_KEEP_DELIVERIES} after it ended, or when its signature is anonymised; a "
        "mailing's as long as its signer's name, as the link to unsubscribe needs it",
        ("deliveries",),
        FOLDING_TASK,
    ),
    Rule(
        "each attempt to send: when, by which worker, the server's response without the address",
        "`attempts`",
        "{PETITION_KEEP_DELIVERIES}, or with the row of the email",
        ("attempts",),
        FOLDING_TASK,
    ),
    Rule(
        "emails by day: how many of each kind, petition, mailing and outcome",
        "`delivery_days`",
        "kept",
        ("delivery_days",),
    ),
    Rule(
        "which provider receives the mail of a recipient's domain, as DNS says; nothing of the recipient",
        "`mail_domains`",
        "a day",
        ("mail_domains",),
        "petition.delivery.tasks.run_retention",
    ),
    Rule(
        "providers that refused us: their reply without the address, limits set by operators",
        "`mail_providers`",
        f"{_period(PROVIDER_RETENTION)} after the last rejection; a limit until it is ended",
        ("mail_providers",),
        "petition.delivery.tasks.run_retention",
    ),
    Rule(
        "how many emails a mailbox and a domain were sent: keyed hashes",
        "`email_budgets`",
        "two days after the window began, as set by default",
        ("email_budgets",),
        "petition.delivery.tasks.run_retention",
    ),
    Rule(
        "bounces: kind, server's response without the address; the address as a keyed hash",
        "`bounces`",
        "kept; the hash as long as the row of the email",
        ("bounces",),
        FOLDING_TASK,
    ),
    Rule(
        "a reply by a person, forwarded to the team (`PETITION_REPLIES_TO`); a report that was not understood, which "
        "may hold an address",
        "`bounces.raw`; every report in the mailbox itself, folder `Processed`",
        f"{_period(RAW_RETENTION)}; in the folder `Failed` until you delete it",
        ("bounces",),
        "petition.delivery.bounces.tasks.run_retention",
    ),
    Rule(
        "DMARC reports: how many emails a server sent as our domain, by day; addresses of servers, no person",
        "`dmarc_sources`, `dmarc_reports`",
        _period(DMARC_RETENTION),
        ("dmarc_sources", "dmarc_reports"),
        "petition.delivery.bounces.tasks.run_retention",
    ),
    Rule(
        "messages of mail providers that were accepted: digests",
        "`webhook_tokens`",
        _period(TOKEN_RETENTION),
        ("webhook_tokens",),
        "petition.delivery.bounces.tasks.run_retention",
    ),
    Rule(
        "who unsubscribed because of which mailing, by the email's id",
        "`unsubscriptions`",
        "kept, nameless once the signer is erased or anonymised",
        ("unsubscriptions",),
    ),
    Rule(
        "tests of a mailing: which colleague, which language",
        "`mailing_tests`",
        "with the mailing",
        ("mailing_tests",),
    ),
    Rule(
        "the team: name, address, password (argon2), authenticator secret (encrypted), passkeys (public keys), who "
        "they are at the organisation's sign-in",
        "`accounts`, `passkeys`, `sign_in_identities`",
        "until disabled and removed",
        ("accounts", "passkeys", "sign_in_identities"),
    ),
    Rule(
        "partners of petitions: organisation, addresses of its mailings, which accounts act for it, what it may do",
        "`partners`, `partner_members`, `partnerships`",
        "kept with the petition; a member until removed, or with the account",
        ("partners", "partner_members", "partnerships"),
    ),
    Rule(
        "legal notice: who publishes, who directs the publication, how they are reached; on the public pages",
        "`imprints`",
        "until it is changed or deleted",
        ("imprints",),
    ),
    Rule(
        "what a member of the team typed into a form and did not save",
        "`unsaved_forms`, seen by its writer alone",
        f"until it is saved or discarded, {_period(UNSAVED_FORM_RETENTION)} at most",
        ("unsaved_forms",),
        "petition.team.tasks.run_retention",
    ),
    Rule(
        "sign-ins of the team: browser, times; the cookie as a hash",
        "`team_sessions`",
        f"until signed out, {_period(MAX_SESSION_AGE)} at most",
        ("team_sessions",),
        "petition.team.tasks.run_retention",
    ),
    Rule(
        "whether a signer agreed to be passed on, to which organisation and by which wording, and when",
        "`signatures.passed_on`, `consent_wordings`",
        "until they take it back on their personal page, withdraw or are erased; the wording and when stay, as proof",
        ("signatures", "consent_wordings"),
    ),
    Rule(
        "webhooks: address, secret, who made it",
        "`webhook_endpoints`",
        "until the team deletes it",
        ("webhook_endpoints",),
    ),
    Rule(
        "events for webhooks: type, time, number of the signature, last answer; nothing of who signed, which is read "
        "when one is sent, of those who agreed to be passed on",
        "`webhook_events`",
        _period(WEBHOOK_EVENT_RETENTION),
        ("webhook_events",),
        "petition.integrations.tasks.run_retention",
    ),
    Rule(
        "tokens of the API: of which member, name, scopes, times; the token as a hash",
        "`api_tokens`",
        f"until it is revoked or expires, then {_period(API_TOKEN_RETENTION)}",
        ("api_tokens",),
        "petition.team.tasks.run_retention",
    ),
    Rule(
        "attempts to sign in, networks that an account signed in from: keyed hashes",
        "`sign_in_attempts`, `sign_in_networks`",
        f"attempts {_period(ATTEMPT_TTL)}, networks {_period(SIGN_IN_NETWORK_TTL)}",
        ("sign_in_attempts", "sign_in_networks"),
        "petition.team.tasks.run_retention",
    ),
    Rule(
        "an address that asked for a link to choose a password",
        "`link_requests`",
        "until a worker has processed it, seconds",
        ("link_requests",),
        "petition.team.tasks.run_link_requests",
    ),
    Rule(
        "what the team did: who, what, which row, when; no address of a signer, nor what was searched for",
        "`audit_events`",
        "kept",
        ("audit_events",),
    ),
    Rule(
        "counts by mail provider, by hour",
        "`domain_rollups`",
        _period(ROLLUP_RETENTION),
        ("domain_rollups",),
        "petition.operations.tasks.run_retention",
    ),
    Rule(
        "counts by mail provider, by hour, then by day",
        "`mail_history`",
        f"by hour {_period(HOURLY_RETENTION)}, by day {_period(DAILY_RETENTION)}; after {_period(DETAIL_RETENTION)}, "
        f"domains that are no large provider's and got fewer than {MIN_DAILY_EMAILS} emails on a day are counted "
        "together",
        ("mail_history",),
        "petition.operations.tasks.run_retention",
    ),
    Rule(
        "rate limits: keyed hashes of networks (/24, /56), and of the team's addresses at sign-in",
        "Redis",
        "two hours at most",
    ),
    Rule(
        "logs: routes, statuses, delivery ids; addresses, links and quoted rows in a library's own lines are redacted",
        "stderr",
        "as you set",
    ),
)
# Texts of the team, counters and the state of processes: of no person but who wrote them.
IMPERSONAL_TABLES = frozenset((
    "petitions", "petition_texts", "petition_counts", "mailings", "mailing_texts", "pauses", "state_change_log",
    "state_counts", "failure_groups", "minute_rollups", "totals", "web_requests", "heartbeats", "probes", "drifts",
    "petition_images", "opt_in_counts", "team_alerts", "bounce_mailbox_state", "troubles",
    "alert_webhooks", "petition_updates", "held_presses", "used_challenges",
))  # fmt: skip


def render_table() -> str:
    """Return the table as Markdown, between its two marks."""
    rows = [f"| {rule.what} | {rule.where} | {rule.describe_period()} |" for rule in RULES]
    return "\n".join([BEGIN_MARK, "| what | where | until when |", "| --- | --- | --- |", *rows, END_MARK])


def replace_table(document: str) -> str:
    """Return a document with the table between its marks made again. Raises `ValueError` without them."""
    before, begin, rest = document.partition(BEGIN_MARK)
    _old, end, after = rest.partition(END_MARK)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN_MARK} … {END_MARK}")
    return f"{before}{render_table()}{after}"
