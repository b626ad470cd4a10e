"""Take a picture of every public, desk and account page: `make pictures`, into one index page to look through.

Plays a small campaign on a stack of its own, then opens each page at 390 and 1280 pixels, light and dark, in each
language. `PICTURES_ONLY` takes only pages whose name contains one of its words, `PICTURES_LANGUAGES` only some
languages; with `ar` among them, public pages are taken from right to left too.
"""

import html
import json
import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from support.browser import CHROMIUM_ARGUMENTS
from support.factories import make_account, make_mailing, make_petition, make_signature
from support.languages import install_arabic
from support.local_stack import LocalStack
from support.oidc_provider import CLIENT_ID, CLIENT_SECRET, OidcProvider
from support.partners import make_member, make_partner, make_partnership
from support.ports import free_port

from config import Config
from petition.app import create_app
from petition.core import clock, i18n
from petition.core.db import db
from petition.desk.tasks import count_opt_ins
from petition.integrations.models import EVENT_TYPES
from petition.integrations.webhooks import endpoints
from petition.integrity.models import IntegrityCluster
from petition.petitions import queries
from petition.petitions.models import Petition
from petition.signatures.confirm import confirm_signature
from petition.signatures.links import make_confirm_token, make_personal_token
from petition.signatures.staff.quarantine import quarantine_many
from petition.team import audit, links

WIDTHS = {"phone": 390, "desktop": 1280}
SCHEMES = ("light", "dark")
LANGUAGES = tuple(os.environ.get("PICTURES_LANGUAGES", " ".join(i18n.LANGUAGES)).split())
MAX_HEIGHT_PIXELS = 8000  # the API's page has 200,000, of which Chromium takes no picture within minutes
HEIGHT = "document.documentElement.scrollHeight"
# Frames out of sight are not painted, and buttons that stay at the bottom of the window would lie across the page.
NEEDS_ALL_IN_SIGHT = "!!document.querySelector('iframe, .actions.last')"
CUT = """(most) => [...document.body.querySelectorAll("*")].filter(
  (one) => one.getBoundingClientRect().top > most).forEach((one) => one.remove())"""
SCHEME_CHANGE_MILLISECONDS = 400  # Bootstrap's transitions
TIMEOUT_MILLISECONDS = 120_000  # of a page, and of a picture, on however busy a machine
ARABIC = "ar"  # the tests' own catalogue, of the signer's way alone
LETTER = "/p/internet-en-prison"
PASSWORD = "four words are enough"


def play_campaign(stack: LocalStack) -> dict[str, str]:
    """Fill the stack with what each page shows; return the addresses of pages that depend on it, by name."""
    app = create_app(Config(stack.settings()))
    with app.test_request_context():
        letter = queries.find_by_slug("internet-en-prison")
        confirmed = [
            make_signature(letter, name=f"{first} {last}", email=f"{first}.{last}{n}@example.org".lower(), listed=True,
                           updates=True, profession=job, review="approved", locale="fr")
            for n, (first, last, job) in enumerate([("Élise", "Martin", "avocate"), ("Œdipe", "Roux", "professeur"),
                                                    ("Jean", "d’Arc", ""), ("Zoé", "Léger", "infirmière")])
        ]  # fmt: skip
        for signature in confirmed:
            confirm_signature(signature)
        pending = make_signature(letter, name="Paul Petit", email="paul@example.org")
        draft = make_petition(slug="brouillon", state="draft")
        make_petition(slug="close", state="closed")
        make_petition(
            slug="attaque", named_total=50, attacked_since=clock.now(), attacked_until=clock.now() + timedelta(days=1)
        )
        for name in ("Docteur Pain d’Épice", "Monsieur le Maire"):
            confirm_signature(make_signature(letter, name=name, email=f"{len(name)}@example.org", listed=True))
        mailing = make_mailing(letter)
        partner = make_partner("choir")
        make_partnership(letter, partner)
        make_member(partner)
        endpoint = endpoints.create("https://crm.example.org/signatures", EVENT_TYPES[:2], None, "alix@example.org")
        cluster = hold_cluster(letter)
        make_account(email="claude@example.org", name="Claude", role_names=["sender"])
        invited = make_account(email="dominique@example.org", name="", role_names=["campaigner"])
        audit.record("petition.created", "petition", draft.slug, actor="alix@example.org")
        db.session.commit()
        count_opt_ins()
        signature, token = confirmed[0], make_personal_token(confirmed[0])
        return {
            "confirm": f"/c/{make_confirm_token(pending)}", "personal page": f"/me/{token}",
            "my data": f"/me/{token}/data.html",
            "invitation": urlsplit(links.invitation_url(invited)).path,
            "desk signature": f"/desk/signatures/{signature.id}",
            "desk signature withdraw": f"/desk/signatures/{signature.id}/withdraw",
            "desk mailing": f"/desk/mailings/{mailing.id}", "desk mailing edit": f"/desk/mailings/{mailing.id}/edit",
            "desk mailing preview": f"/desk/mailings/{mailing.id}/preview",
            "desk integrity cluster": f"/desk/integrity/{cluster.id}",
            "desk partner": f"/desk/partners/{partner.id}", "desk webhook": f"/desk/webhooks/{endpoint.id}",
            "account member": f"/account/people/{invited.id}",
        }  # fmt: skip


def hold_cluster(letter: Petition) -> IntegrityCluster:
    """Return a cluster whose signatures are in quarantine."""
    signatures = [
        make_signature(letter, email=f"s{number}@catch-all.net", name=f"Nom {'de' * number}") for number in (1, 2)
    ]
    for signature in signatures:
        confirm_signature(signature)
    now = clock.now()
    cluster = IntegrityCluster(
        petition_id=letter.id, kind="domain", key="catch-all.net", signatures=2, confirmed=2, share=0.3,
        first_at=now - timedelta(hours=1), last_at=now, signals={"hurried": [1.0, 0.45], "elsewhere": [0.0, 0.8]},
        sample=[signature.id for signature in signatures], held_at=now,
    )  # fmt: skip
    db.session.add(cluster)
    db.session.flush()
    quarantine_many([signature.id for signature in signatures], cluster.id)
    return cluster


PUBLIC = {
    "list of petitions": "/",
    "petition": LETTER,
    "petition closed": "/p/close",
    "petition attacked, names wait": "/p/attaque",
    "check your email": f"{LETTER}/check-your-email",
    "thank you": f"{LETTER}/thank-you",
    "frame": f"{LETTER}/embed",
    "frame check your email": f"{LETTER}/embed/check-your-email",
    "signatories": f"{LETTER}/signatories",
    "my signatures": "/my-signatures",
    "check the count": f"{LETTER}/log",
    "report a name": f"{LETTER}/signatories/1/report",
    "news": f"{LETTER}/updates",
    "statistics": f"{LETTER}/figures",
    "legal": f"{LETTER}/legal",
    "API": "/api/v1/docs",
    "not found": "/nothing",
    "link invalid": "/c/nothing",
    "sign in": "/account/sign-in",
    "forgotten password": "/account/forgot",
}
DESK = {
    "home": "/desk/",
    "campaigns": "/desk/petitions",
    "campaign new": "/desk/petitions/new",
    "campaign overview": "/desk/petitions/internet-en-prison",
    "campaign embed": "/desk/petitions/internet-en-prison/embed",
    "campaign draft": "/desk/petitions/brouillon",
    "campaign edit": "/desk/petitions/internet-en-prison/edit",
    "campaign preview": "/desk/petitions/brouillon/preview",
    "campaign open": "/desk/petitions/brouillon/state/open",
    "campaign statistics": "/desk/petitions/internet-en-prison/campaign",
    "campaign organisations": "/desk/petitions/internet-en-prison/organisations",
    "campaign images": "/desk/petitions/internet-en-prison/images",
    "campaign data kept": "/desk/petitions/internet-en-prison/data-kept",
    "data kept": "/desk/data-kept",
    "requests of persons": "/desk/requests/",
    "campaign paper": "/desk/petitions/internet-en-prison/paper",
    "campaign integrity": "/desk/petitions/internet-en-prison/integrity",
    "campaign partners": "/desk/petitions/internet-en-prison/partners",
    "campaign documents": "/desk/petitions/internet-en-prison/documents",
    "campaign legal": "/desk/petitions/internet-en-prison/legal",
    "partners": "/desk/partners",
    "tokens": "/desk/tokens/",
    "token new": "/desk/tokens/new",
    "webhooks": "/desk/webhooks/",
    "webhook new": "/desk/webhooks/new",
    "campaign paper sheet": "/desk/petitions/internet-en-prison/paper/sheet",
    "campaign news": "/desk/petitions/internet-en-prison/updates",
    "campaign news new": "/desk/petitions/internet-en-prison/updates/new",
    "legal of the site": "/desk/legal",
    "campaign signatures": "/desk/signatures/petition/internet-en-prison",
    "signatures": "/desk/signatures/",
    "export": "/desk/signatures/export/",
    "bulk actions": "/desk/signatures/runs/",
    "names": "/desk/names/",
    "names decided": "/desk/names/decided",
    "mailings": "/desk/mailings/",
    "mailing new": "/desk/mailings/new",
    "mail queue": "/ops/",
    "mail queue failures": "/ops/failures",
    "bounces": "/ops/bounces/",
    "suppressions": "/ops/suppressions/",
    "DMARC": "/ops/bounces/dmarc",
    "mail providers": "/ops/providers/",
    "signatures to help": "/ops/signatures",
    "doctor": "/ops/doctor/",
    "runbook": "/ops/runbook",
    "webhooks that failed": "/ops/webhooks/",
    "history": "/ops/history/",
    "account": "/account/",
    "account people": "/account/people",
    "account audit": "/account/audit",
    "account two factors": "/account/two-factor",
    "account password": "/account/password",
    "account passkeys": "/account/passkeys",
    "account recovery codes": "/account/recovery-codes",
}


def open_page(browser: Browser) -> Page:
    """Return a page of a visitor of its own, with limits that a busy machine keeps."""
    page = browser.new_context(locale="en-GB").new_page()
    page.set_default_timeout(TIMEOUT_MILLISECONDS)
    return page


def create_account(stack: LocalStack, page: Page) -> None:
    """Follow the link that an empty stack prints."""
    page.goto(next(word for word in stack.output.read_text().split() if "/account/welcome/" in word))
    page.fill("#address", "alix@example.org")
    page.fill("#name", "Alix")
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.click("main button")


def take(page: Page, url: str, name: str, folder: Path, languages: tuple[str, ...]) -> list[str]:
    """Take the pictures of one page; return the names of their files."""
    files = []
    for language in languages:
        page.goto(f"{url}{'&' if '?' in url else '?'}lang={language}")
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.wait_for_timeout(SCHEME_CHANGE_MILLISECONDS)
            for width_name, width in WIDTHS.items():
                page.set_viewport_size({"width": width, "height": 900})
                file = f"{name.replace(' ', '-')}-{language}-{scheme}-{width_name}.png"
                page.evaluate(CUT, MAX_HEIGHT_PIXELS)
                height = min(page.evaluate(HEIGHT), MAX_HEIGHT_PIXELS)
                if page.evaluate(NEEDS_ALL_IN_SIGHT):
                    page.set_viewport_size({"width": width, "height": height})
                    page.wait_for_timeout(SCHEME_CHANGE_MILLISECONDS)
                    height = min(page.evaluate(HEIGHT), MAX_HEIGHT_PIXELS)
                page.screenshot(
                    path=folder / file, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height}
                )
                files.append(file)
    return files


def write_index(folder: Path, taken: dict[str, list[str]]) -> None:
    """Write the page that shows all pictures, side by side."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>Pictures</title><style>body{font:1rem system-ui;margin:1rem}"
        "figure{display:inline-block;margin:.5rem;vertical-align:top}img{max-height:30rem}</style>"
    ]
    for name, files in taken.items():
        parts.append(f"<h2 id={json.dumps(name)}>{html.escape(name)}</h2>")
        parts += [
            f'<figure><a href="{file}"><img loading=lazy src="{file}" alt=""></a>'
            f"<figcaption>{file}</figcaption></figure>"
            for file in files
        ]
    (folder / "index.html").write_text("\n".join(parts), encoding="utf-8")


def main() -> None:
    """Take all pictures into the folder that is named, build/pictures by default."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/pictures").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    only, taken = os.environ.get("PICTURES_ONLY", "").split(), {}
    with TemporaryDirectory() as data, sync_playwright() as playwright:
        provider = OidcProvider()
        settings = {"PETITION_OIDC_ISSUER": provider.issuer, "PETITION_OIDC_CLIENT_ID": CLIENT_ID,
                    "PETITION_OIDC_CLIENT_SECRET": CLIENT_SECRET, "PETITION_OIDC_LABEL": "La Maison"}  # fmt: skip
        if ARABIC in LANGUAGES:
            settings["PETITION_LANGUAGES"] = ",".join([*i18n.LANGUAGES, ARABIC])
            settings["PETITION_TRANSLATIONS"] = str(install_arabic(Path(data) / "languages"))
        stack = LocalStack(Path(data) / "data", free_port(), **settings).wait_until_started()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)
        try:
            page = open_page(browser)
            create_account(stack, page)
            found = play_campaign(stack)
            signer = open_page(browser)
            team = DESK | {name: path for name, path in found.items() if name.startswith(("desk", "account"))}
            public = PUBLIC | {name: path for name, path in found.items() if name not in team}
            for visitor, pages in ((signer, public), (page, team)):
                for name, path in pages.items():
                    if not only or any(word in name for word in only):
                        languages = tuple(one for one in LANGUAGES if visitor is signer or one != ARABIC)
                        taken[name] = take(visitor, stack.url + path, name, folder, languages)
                        print(f"{time.strftime('%H:%M:%S')} {name}", flush=True)
        finally:
            browser.close()
            stack.stop()
            provider.close()
    write_index(folder, taken)
    print(f"{sum(map(len, taken.values()))} pictures: file://{folder}/index.html")


if __name__ == "__main__":
    main()
