"""A model of signatures in plain Python: no database, no tokens, no threads."""

from dataclasses import dataclass, field

MINUTE, HOUR, DAY = 1, 60, 24 * 60
CONFIRM_WITHIN, REMIND_AFTER, REMIND_UNTIL = 14 * DAY, 3 * DAY, 5 * DAY
MAX_EMAILS_PER_DAY = 5  # emails to one signature
STATE_FOR_KIND = {
    "confirm_signature": "pending", "reminder": "pending", "already_signed": "confirmed", "personal_link": "confirmed",
    "withdrawn": "withdrawn",
}  # fmt: skip
COUNTED_OR_HELD = ("confirmed", "quarantined")  # the same for its signer
LINK_PREFIX_FOR_KIND = {"confirm_signature": "c", "reminder": "c", "already_signed": "me", "personal_link": "me"}


@dataclass
class Email:
    """An email that is or was queued."""

    number: int  # of the signature
    kind: str
    at: int
    state: str = "due"
    settled: int | None = None


@dataclass(frozen=True)
class Link:
    """An emailed link: the page it leads to, its signature and generation, and when it was sent."""

    leads_to: str
    number: int
    generation: int
    at: int


@dataclass
class Record:
    """A signature."""

    number: int
    address: str
    name: str
    listed: bool
    requested: int
    state: str = "pending"
    generation: int = 1
    valid_from: int = 1
    reminded: bool = False
    was_confirmed: bool = False
    was_quarantined: bool = False
    was_released: bool = False

    @property
    def former_state(self) -> str:
        """Return the state before it ended."""
        if not self.was_confirmed:
            return "pending"
        return "quarantined" if self.was_quarantined else "confirmed"

    @property
    def state_for_signer(self) -> str:
        """Return what its signer reads."""
        return "confirmed" if self.state == "quarantined" else self.state


@dataclass
class Model:
    """All signatures of one petition, by address, and every email about them."""

    now: int = 0
    last: int = 0
    records: dict[str, Record] = field(default_factory=dict)
    emails: list[Email] = field(default_factory=list)
    proved: set[int] = field(default_factory=set)  # numbers of signatures that were ever confirmed
    reacted: frozenset[str] = frozenset()  # addresses that confirmed a signature of another petition

    # Actions of signers.

    def sign(self, address: str, name: str, listed: bool) -> None:
        record = self.records.get(address)
        if record is None:
            self.last += 1
            self.records[address] = record = Record(self.last, address, name, listed, self.now)
            self._enqueue(record, "confirm_signature")
        elif record.state == "pending":
            self._sign_again(record, name, listed)
        elif record.state == "withdrawn":
            if len(self._today(record)) < MAX_EMAILS_PER_DAY:
                self.records[address] = Record(
                    record.number, address, name, listed, self.now, generation=record.generation + 1,
                    valid_from=record.generation + 1, was_quarantined=record.was_quarantined,
                    was_released=record.was_released,
                )  # fmt: skip
                self._enqueue(self.records[address], "confirm_signature")
        elif record.state in COUNTED_OR_HELD and self._may_email(record):
            self._mail(record, "already_signed")

    def _sign_again(self, record: Record, name: str, listed: bool) -> None:
        changed, sending = (record.name, record.listed) != (name, listed), self._may_email(record)
        waits = any(email.state == "due" for email in self._today(record))
        record.name, record.listed, record.requested = name, listed, self.now
        if sending:
            self._mail(record, "confirm_signature")
        if changed and (sending or waits):
            record.valid_from = record.generation

    def confirm(self, link: Link | None) -> None:
        record = self.open_for_link("c", link)
        if record and record.state == "pending":
            record.state, record.was_confirmed = "confirmed", True
            self.proved.add(record.number)

    def disown(self, link: Link | None) -> None:
        record = self.open_for_link("c", link)
        if record and record.state in ("pending", *COUNTED_OR_HELD):
            record.state = "disowned"

    def take_back(self, link: Link | None) -> None:
        record = self.open_for_link("c", link)
        if record and record.state == "disowned":
            record.state = record.former_state

    def ask_again(self, link: Link | None) -> None:
        record = self._of(link) if link and link.leads_to == "c" else None
        if record and record.state in ("pending", *COUNTED_OR_HELD):
            self._resend(record)

    def withdraw(self, link: Link | None) -> None:
        record = self.open_for_link("me", link)
        if record and record.state in COUNTED_OR_HELD:
            self._withdraw(record)

    def erase(self, link: Link | None) -> None:
        record = self.open_for_link("me", link)
        if record:
            del self.records[record.address]

    def open_for_link(self, leads: str, link: Link | None) -> Record | None:
        """Return the record that a link opens, None if it is not valid."""
        record = self._of(link) if link and link.leads_to == leads else None
        if record is None or not record.valid_from <= link.generation <= record.generation:
            return None
        too_late = leads == "c" and self.now - link.at > CONFIRM_WITHIN
        return None if too_late or (leads == "me" and record.state == "disowned") else record

    def _of(self, link: Link) -> Record | None:
        return next((record for record in self.records.values() if record.number == link.number), None)

    # Actions of the team.

    def desk(self, act: str, address: str, value: str = "") -> None:  # noqa: C901 - one line an action
        record = self.records.get(address)
        if record is None:
            return
        pending, confirmed = record.state == "pending", record.state in COUNTED_OR_HELD
        if act == "resend" and (pending or confirmed):
            self._resend(record)
        elif act == "confirm" and pending:
            record.state, record.was_confirmed = "confirmed", True
            self.proved.add(record.number)
            self._mail(record, "personal_link")
        elif act == "withdraw" and confirmed:
            self._withdraw(record)
        elif act == "invalidate" and (pending or confirmed):
            record.state = "invalidated"
        elif act == "quarantine" and record.state == "confirmed":
            self._quarantine(record)
        elif act == "release" and record.state == "quarantined":
            record.state, record.was_quarantined, record.was_released = "confirmed", False, True
        elif act == "reinstate" and record.state == "invalidated":
            record.state = record.former_state
        elif act == "restore" and record.state == "disowned" and record.was_confirmed:
            record.state, record.valid_from = record.former_state, record.generation + 1
            self._mail(record, "personal_link")
        elif act == "name" and (pending or confirmed):
            record.name = value
        elif act == "move" and pending and value not in self.records:
            self._move(record, value)

    def _quarantine(self, record: Record) -> None:
        record.state, record.was_quarantined, record.was_released = "quarantined", True, False

    def _move(self, record: Record, address: str) -> None:
        self.records[address] = self.records.pop(record.address)
        record.address, record.requested, record.reminded = address, self.now, False
        record.valid_from = record.generation + 1
        self._mail(record, "confirm_signature")

    # Periodic tasks and workers.

    def remind(self, but: str = "") -> None:
        for record in self.records.values():
            waited = self.now - record.requested
            if (
                record.address != but
                and record.state == "pending"
                and not record.reminded
                and record.address in self.reacted
                and REMIND_AFTER <= waited <= REMIND_UNTIL
            ):
                record.reminded = True
                self._mail(record, "reminder")

    def forget(self, but: str = "") -> None:
        for address, record in list(self.records.items()):
            if address != but and record.state == "pending" and self.now - record.requested > CONFIRM_WITHIN:
                del self.records[address]

    def detect(self) -> None:
        """Quarantine whoever counts, but for whom the team released: everybody here looks forged."""
        for record in self.records.values():
            if record.state == "confirmed" and not record.was_released:
                self._quarantine(record)

    def send(self) -> list[tuple[str, str, Link | None]]:
        """Send what is due; returns kind, address and link of each email that left."""
        sent, numbers = [], {record.number: record for record in self.records.values()}
        for email in self.emails:
            if email.state == "due":
                record = numbers.get(email.number)
                called_for = record is not None and record.state_for_signer == STATE_FOR_KIND[email.kind]
                email.state, email.settled = "sent" if called_for else "cancelled", self.now
                if called_for:
                    leads = LINK_PREFIX_FOR_KIND.get(email.kind)
                    link = Link(leads, record.number, record.generation, self.now) if leads else None
                    sent.append((email.kind, record.address, link))
        return sent

    # Emails.

    def _resend(self, record: Record) -> None:
        if self._may_email(record):
            if record.state == "pending":
                record.requested = self.now
            self._mail(record, "confirm_signature" if record.state == "pending" else "personal_link")

    def _withdraw(self, record: Record) -> None:
        record.state = "withdrawn"
        self._mail(record, "withdrawn")

    def _today(self, record: Record) -> list[Email]:
        return [email for email in self.emails if email.number == record.number and email.at > self.now - DAY]

    def _may_email(self, record: Record) -> bool:
        today = self._today(record)
        last = max((email.at if email.settled is None else email.settled for email in today), default=-DAY)
        waits = any(email.state == "due" for email in today)
        return not waits and last < self.now - MINUTE and len(today) < MAX_EMAILS_PER_DAY

    def _mail(self, record: Record, kind: str) -> None:
        record.generation += 1
        self._enqueue(record, kind)

    def _enqueue(self, record: Record, kind: str) -> None:
        for email in self.emails:
            # A second email of a kind replaces one that was not sent yet.
            if (email.number, email.kind, email.state) == (record.number, kind, "due"):
                email.state, email.settled = "cancelled", self.now
        self.emails.append(Email(record.number, kind, self.now))
