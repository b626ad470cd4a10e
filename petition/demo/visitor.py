"""The steps of one visitor, each a request; a step returns what went wrong, if anything."""

import re
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

from petition.demo.fake_people import Signer
from petition.demo.http_client import SiteClient, SiteResponse, Unreachable
from petition.demo.mailbox_client import ConfirmationMail

SLUG = "internet-en-prison"
API_PATH = f"/api/v1/petitions/{SLUG}"
CHECK_YOUR_EMAIL_PATH = f"/p/{SLUG}/check-your-email"
SEEN_PATTERN = re.compile(r'name="seen" value="([^"]+)"')  # of the confirmation page's form
PAGE_COUNT_PATTERN = re.compile(r'data-confirmed="(\d+)"')

SignatoryCounter = Counter[tuple[str, str, str]]  # party, name, profession (empty for an organisation)


@dataclass(frozen=True)
class StepResult:
    """The result of a step for one address; `problem` is empty when the site answered as expected."""

    email: str
    started: float
    problem: str
    path: str = ""
    answered_at: float = 0.0


@dataclass(frozen=True)
class Count:
    """The counts of confirmed signatures that the API returns."""

    confirmed: int
    people: int
    organisations: int


def sign(site: SiteClient, signer: Signer, by_form: bool) -> StepResult:
    """Sign with the form of the page or the API. Never raises."""
    try:
        if by_form:
            answer = site.post_form(f"/p/{SLUG}/sign", signer.as_form(), signer.network)
            problem = _find_problem(answer, 303, CHECK_YOUR_EMAIL_PATH)
        else:
            answer = site.post_json(f"{API_PATH}/signatures", signer.as_json(), signer.network)
            problem = _find_problem(answer, 202)
    except Unreachable as error:
        return StepResult(signer.email, 0.0, str(error))
    return StepResult(signer.email, answer.started, problem, answered_at=answer.answered_at)


def open_link(site: SiteClient, mail: ConfirmationMail, network: str) -> StepResult:
    """Open the link as a mail scanner does, without confirming. Never raises."""
    try:
        answer = site.get(mail.path, network)
    except Unreachable as error:
        return StepResult(mail.to, 0.0, str(error), mail.path)
    return StepResult(mail.to, answer.started, _find_problem(answer, 200), mail.path)


def confirm(site: SiteClient, email: str, path: str, network: str) -> StepResult:
    """Open the confirmation page and submit its form. Never raises."""
    try:
        form = SEEN_PATTERN.search(site.get(path, network).text)
        answer = site.post_form(path, {"seen": form[1]} if form else {}, network)
    except Unreachable as error:
        return StepResult(email, 0.0, str(error), path)
    return StepResult(email, answer.started, _find_problem(answer, 303, "/me/"), path)


def fetch_count(site: SiteClient) -> Count:
    """Return the counts of the API. Raises `Unreachable`, also when there is no such petition."""
    answer = site.get(f"{API_PATH}/count")
    if answer.status != 200:
        raise Unreachable(f"GET {API_PATH}/count: {answer.status}; is the petition {SLUG} open?")
    counts = answer.json()
    return Count(counts["confirmed"], counts["people"], counts["organisations"])


def fetch_page_count(site: SiteClient) -> int | None:
    """Return the count on the petition's page, `None` when it shows none. Raises `Unreachable`."""
    shown = PAGE_COUNT_PATTERN.search(site.get(f"/p/{SLUG}").text)
    return int(shown.group(1)) if shown else None


def fetch_signatories(site: SiteClient) -> SignatoryCounter:
    """Return all entries of the public list, page by page. Raises `Unreachable`."""
    names: SignatoryCounter = Counter()
    path: str | None = f"{API_PATH}/signatories"
    while path:
        answer = site.get(path)
        if answer.status != 200:
            raise Unreachable(f"GET {path}: {answer.status}")
        page = answer.json()
        names.update(_signatory_key(item) for item in page["items"])
        path = f"{API_PATH}/signatories?after={quote(str(page['next']))}" if page["next"] else None
    return names


def expected_signatories(signers: list[Signer]) -> SignatoryCounter:
    """Return the entries that these signers add to the public list: the people who agreed to be named.

    Organisations wait there for the team, which reads their names first.
    """
    listed = [signer for signer in signers if signer.listed and signer.party == "person"]
    return Counter(_signatory_key(signer.as_json()) for signer in listed)


def _signatory_key(item: dict[str, str | None]) -> tuple[str, str, str]:
    if item["party"] == "organisation":
        return "organisation", item["organisation"] or "", ""
    return "person", item["name"] or "", item.get("profession") or ""


def _find_problem(answer: SiteResponse, status: int, location: str = "") -> str:
    if answer.status != status:
        return f"{answer.status} instead of {status}: {' '.join(answer.text.split())[:160]}"
    if location not in answer.location:
        return f"redirected to {answer.location.split('/')[1:2]} instead of {location}"
    return ""
