"""What one visitor does on the site, a request at a time; each step says what went wrong, if anything."""

import re
from collections import Counter
from dataclasses import dataclass
from urllib.parse import quote

from petition.demo.mailbox import Mail
from petition.demo.people import Signer
from petition.demo.site import Answer, Site, Unreachable

SLUG = "internet-en-prison"
API = f"/api/v1/petitions/{SLUG}"
CHECK_YOUR_EMAIL = f"/p/{SLUG}/check-your-email"
SHOWN = re.compile(r'data-confirmed="(\d+)"')

Listed = Counter[tuple[str, str, str]]  # party, name, profession (empty for an organisation)


@dataclass(frozen=True)
class Step:
    """A step made for one address; `problem` is empty when the site answered as it should."""

    email: str
    started: float
    problem: str
    path: str = ""


@dataclass(frozen=True)
class Count:
    """The confirmed signatures that the API gives."""

    confirmed: int
    people: int
    organisations: int


def sign(site: Site, signer: Signer, by_form: bool) -> Step:
    """Sign by the form of the page or by the API. Never raises."""
    try:
        if by_form:
            answer = site.post_form(f"/p/{SLUG}/sign", signer.as_form(), signer.network)
            problem = _unlike(answer, 303, CHECK_YOUR_EMAIL)
        else:
            answer = site.post_json(f"{API}/signatures", signer.as_json(), signer.network)
            problem = _unlike(answer, 202)
    except Unreachable as error:
        return Step(signer.email, 0.0, str(error))
    return Step(signer.email, answer.started, problem)


def scan(site: Site, mail: Mail, network: str) -> Step:
    """Open the link as a mail scanner does, pressing nothing. Never raises."""
    try:
        answer = site.get(mail.path, network)
    except Unreachable as error:
        return Step(mail.to, 0.0, str(error), mail.path)
    return Step(mail.to, answer.started, _unlike(answer, 200), mail.path)


def confirm(site: Site, email: str, path: str, network: str) -> Step:
    """Press the button of the confirmation page. Never raises."""
    try:
        answer = site.post_form(path, {}, network)
    except Unreachable as error:
        return Step(email, 0.0, str(error), path)
    return Step(email, answer.started, _unlike(answer, 303, "/me/"), path)


def count(site: Site) -> Count:
    """Return the count of the API. Raises `Unreachable`, also when the petition is not there."""
    answer = site.get(f"{API}/count")
    if answer.status != 200:
        raise Unreachable(f"GET {API}/count: {answer.status}; is the petition {SLUG} open?")
    figures = answer.json()
    return Count(figures["confirmed"], figures["people"], figures["organisations"])


def count_on_page(site: Site) -> int | None:
    """Return the count that the petition's page shows, `None` when it shows none. Raises `Unreachable`."""
    shown = SHOWN.search(site.get(f"/p/{SLUG}").text)
    return int(shown.group(1)) if shown else None


def listed(site: Site) -> Listed:
    """Return everyone on the public list, read page by page to its end. Raises `Unreachable`."""
    names: Listed = Counter()
    path: str | None = f"{API}/signatories"
    while path:
        answer = site.get(path)
        if answer.status != 200:
            raise Unreachable(f"GET {path}: {answer.status}")
        page = answer.json()
        names.update(_line(item) for item in page["items"])
        path = f"{API}/signatories?after={quote(str(page['next']))}" if page["next"] else None
    return names


def expected(signers: list[Signer]) -> Listed:
    """Return the lines that these signers add to the public list: those who agreed to be named."""
    return Counter(_line(signer.as_json()) for signer in signers if signer.listed)


def _line(item: dict[str, str | None]) -> tuple[str, str, str]:
    if item["party"] == "organisation":
        return "organisation", item["organisation"] or "", ""
    return "person", item["name"] or "", item.get("profession") or ""


def _unlike(answer: Answer, status: int, location: str = "") -> str:
    if answer.status != status:
        return f"{answer.status} instead of {status}: {' '.join(answer.text.split())[:160]}"
    if location not in answer.location:
        return f"sent to {answer.location.split('/')[1:2]} instead of {location}"
    return ""
