"""What the home shows to an account: only what its roles may see, each in a fixed number of queries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from petition.core import clock
from petition.core.db import db
from petition.core.i18n import current_language, format_date_text
from petition.desk.models import OptInCount
from petition.desk.queries import NEW_BY_PETITION
from petition.mailings.labels import state_labels
from petition.mailings.models import Mailing, MailingState
from petition.operations.health.evaluation import HealthStatus, evaluate_health
from petition.operations.labels import health_label, reason_message
from petition.operations.statistics import broker_stats
from petition.operations.statistics.snapshot import read_facts
from petition.petitions.counters import Count, get_counts
from petition.petitions.models import Petition, PetitionState
from petition.petitions.paper.labels import paper_import_state_label
from petition.petitions.paper.models import PaperImport, PaperImportState
from petition.petitions.queries import list_all
from petition.privacy import person_requests
from petition.privacy.deadlines import SOON_DAYS
from petition.privacy.labels import request_labels
from petition.retention.schedule import PlanState, list_plans
from petition.signatures.review import queue as review_queue
from petition.team import unsaved_forms
from petition.team.models import Account, AuditEvent, TeamRole

NEW_SINCE = timedelta(hours=24)
MAX_LISTED = 20
MAX_ACTIVITIES = 8
UNFINISHED_MAILINGS = (
    MailingState.DRAFT, MailingState.TESTED, MailingState.SCHEDULED, MailingState.SENDING, MailingState.PAUSED,
)  # fmt: skip


@dataclass(frozen=True)
class ToDo:
    """One thing that needs doing: a state in one or two words, how urgent (`good`, `wait`, `bad`), and where."""

    state: str
    tone: str
    text: str
    url: str
    remark: str = ""
    is_written: bool = False  # `text` is a title that somebody wrote, in whatever language


@dataclass(frozen=True)
class Totals:
    """Sums over petitions. `agreed` is of the moment `agreed_at`, None before the first count."""

    confirmed: int
    paper: int
    new: int
    submitted: int
    agreed: int | None
    agreed_at: datetime | None

    @property
    def all(self) -> int:
        """Signatures online and on paper."""
        return self.confirmed + self.paper


@dataclass(frozen=True)
class Home:
    """Everything on the home page of one account."""

    to_do: list[ToDo]
    petitions: list[Petition]
    counts: dict[int, Count]
    new: dict[int, int]
    totals: Totals | None
    health: Any | None
    activities: list[AuditEvent]


def build_home(account: Account) -> Home:
    """Return what an account sees at home."""
    is_campaigner = account.has_any_role(TeamRole.CAMPAIGNER)
    petitions = list_all() if account.has_any_role(TeamRole.CAMPAIGNER, TeamRole.SENDER) else []
    shown = [petition for petition in petitions if petition.state_now != PetitionState.ARCHIVED]
    counts = get_counts(petitions) if petitions else {}
    health = get_health() if account.has_any_role(TeamRole.OPERATOR) else None
    to_do = [*_account_to_do(account), *_unsaved_to_do(account), *_health_to_do(health)]
    if is_campaigner:
        to_do += [*_petitions_to_do(shown), *_names_to_do(), *_paper_to_do({p.id: p for p in petitions})]
        to_do += [*_requests_to_do(), *_restricted_to_do(petitions)]
    if petitions:
        to_do += _mailings_to_do()
    return Home(
        to_do=to_do,
        petitions=shown[:MAX_LISTED],
        counts=counts,
        new={petition_id: row.counted for petition_id, row in read_new(petitions).items()},
        totals=sum_totals(petitions, counts) if petitions else None,
        health=health,
        activities=list_activities() if account.has_any_role(TeamRole.OPERATOR) else list_activities(account.email),
    )


def get_health() -> Any:
    """Return whether mail flows."""
    return evaluate_health(read_facts(), broker_stats.read_broker_stats(current_app.config["BROKER_URL"]))


def read_new(petitions: list[Petition]) -> dict[int, Any]:
    """Return what was submitted and confirmed within a day of each petition, by its id."""
    since = (clock.now() - NEW_SINCE).replace(minute=0, second=0, microsecond=0)
    rows = db.session.execute(NEW_BY_PETITION, {"petitions": [p.id for p in petitions], "since": since})
    return {row.petition_id: row for row in rows}


def sum_totals(petitions: list[Petition], counts: dict[int, Count]) -> Totals:
    """Return the sums of petitions."""
    ids = [petition.id for petition in petitions]
    new = read_new(petitions).values()
    agreed = list(db.session.scalars(select(OptInCount).where(OptInCount.petition_id.in_(ids))))
    return Totals(
        confirmed=sum(counts[number].confirmed for number in ids),
        paper=sum(counts[number].paper for number in ids),
        new=sum(row.counted for row in new),
        submitted=sum(row.submitted for row in new),
        agreed=sum(row.n for row in agreed) if agreed else None,
        agreed_at=min((row.counted_at for row in agreed), default=None),
    )


def list_activities(actor: str | None = None) -> list[AuditEvent]:
    """Return the latest events of the audit trail, of one actor if given."""
    query = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(MAX_ACTIVITIES)
    return list(db.session.scalars(query.where(AuditEvent.actor == actor) if actor else query))


def _account_to_do(account: Account) -> Iterator[ToDo]:
    if not account.has_second_factor:
        yield ToDo(_("your account"), "wait", _("Set up two-factor authentication"), url_for("profile.account"),
                   _("It is required from your next sign-in."))  # fmt: skip


def _unsaved_to_do(account: Account) -> Iterator[ToDo]:
    for unsaved in unsaved_forms.list_for(account):
        if unsaved.form.startswith("/desk/mailings/"):
            text = _("A mailing that you began to write")
        elif "/updates/" in unsaved.form:
            text = _("News of a petition that you began to write")
        elif unsaved.form.endswith("/legal"):
            text = _("A legal notice that you began to write")
        else:
            text = _("A petition that you began to write")
        yield ToDo(_("not saved"), "wait", text, unsaved.form)


def _health_to_do(health: Any | None) -> Iterator[ToDo]:
    if health is None or health.status == HealthStatus.OK:
        return
    tone = "bad" if health.status == HealthStatus.STUCK else "wait"
    for reason in health.reasons:
        yield ToDo(_("emails"), tone, reason_message(reason), url_for("operations.index"), health_label(health.status))


def _petitions_to_do(petitions: list[Petition]) -> Iterator[ToDo]:
    for petition in petitions:
        if petition.state_now == PetitionState.DRAFT:
            title = petition.titled_text_in(current_language()).title
            yield ToDo(_("draft"), "wait", title, url_for("desk_campaign.overview", slug=petition.slug),
                       _("Only the team sees it until it is opened."), is_written=True)  # fmt: skip


def _names_to_do() -> Iterator[ToDo]:
    if waiting := review_queue.navigation_count():
        number = int(waiting.rstrip("+"))
        text = ngettext("%(n)s name waits for your review", "%(n)s names wait for your review", number, n=waiting)
        yield ToDo(_("names"), "wait", text, url_for("name_review.index"), _("They count, and are not listed yet."))


def _paper_to_do(petitions: dict[int, Petition]) -> Iterator[ToDo]:
    states = (PaperImportState.READING, PaperImportState.QUESTION, PaperImportState.DRAFT)
    query = select(PaperImport).where(PaperImport.state.in_(states)).order_by(PaperImport.id.desc()).limit(MAX_LISTED)
    for file in db.session.scalars(query):
        petition = petitions[file.petition_id]
        yield ToDo(_("paper"), "wait", file.file_name, url_for("paper.page", slug=petition.slug, import_id=file.id),
                   paper_import_state_label(file.state), is_written=True)  # fmt: skip


def _requests_to_do() -> Iterator[ToDo]:
    today = clock.now().date()
    for row in person_requests.list_open()[:MAX_LISTED]:
        yield ToDo(_("data"), "bad" if (row.due_on - today).days <= SOON_DAYS else "wait",
                   request_labels(row.kind)["name"], url_for("person_requests.show", request_id=row.id),
                   _("To be answered by %(day)s.", day=format_date_text(row.due_on)))  # fmt: skip


def _restricted_to_do(petitions: list[Petition]) -> Iterator[ToDo]:
    for plan in list_plans(petitions) if petitions else ():
        if plan.state == PlanState.DONE and plan.restricted:
            title = plan.petition.titled_text_in(current_language()).title
            yield ToDo(_("data"), "wait", title, url_for("data_kept.show", slug=plan.petition.slug),
                       _("Anonymised, but for what is restricted: decide whether it still has to be."),
                       is_written=True)  # fmt: skip


def _mailings_to_do() -> Iterator[ToDo]:
    query = select(Mailing).where(Mailing.state.in_(UNFINISHED_MAILINGS)).order_by(Mailing.id.desc()).limit(MAX_LISTED)
    remarks = {
        MailingState.DRAFT: _("Test emails are missing."),
        MailingState.TESTED: _("Tested: it can be scheduled."),
        MailingState.PAUSED: _("Resume it, or cancel it."),
    }
    tones = {MailingState.PAUSED: "bad", MailingState.SENDING: "good"}
    for mailing in db.session.scalars(query):
        state = MailingState(mailing.state)
        yield ToDo(_("mailing: %(state)s", state=state_labels()[state]), tones.get(state, "wait"), mailing.name,
                   url_for("desk_mailings.show", mailing_id=mailing.id), remarks.get(state, ""),
                   is_written=True)  # fmt: skip


def get_title(petition: Petition) -> str:
    """Return a petition's title in its main language, for alerts, whose readers have different ones."""
    return petition.text_in(petition.default_language).title
