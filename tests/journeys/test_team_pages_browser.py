"""Every page of the team: usable by keyboard, at 400 % zoom, and by assistive technology (WCAG 2.2, AA)."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from support.browser import VIEWPORTS, create_first_account, new_page
from support.factories import make_mailing, make_petition, make_signature
from support.local_stack import LocalStack
from support.partners import make_partner, make_partnership
from support.ports import free_port

from config import Config
from petition.app import create_app
from petition.core import clock
from petition.core.db import db
from petition.delivery.models import Delivery
from petition.integrations.models import EVENT_TYPES
from petition.integrations.webhooks import endpoints
from petition.integrity.models import IntegrityCluster
from petition.petitions.paper import importer
from petition.petitions.updates import editing
from petition.privacy.person_requests import record_request
from petition.signatures.confirm import confirm_signature
from petition.signatures.search.filters import Filter
from petition.signatures.search.saved import save_search
from petition.signatures.staff.invalidate import prepare_bulk_invalidation
from petition.team.models import Account

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("team pages")]
PASSWORD = "four words are enough"
# 1280 CSS pixels at 400 % (1.4.10).
ZOOMED = {"width": 320, "height": 256}
# Files, pictures, frames and answers for machines; pages that need a form sent before.
NO_PAGES = (
    "<path:", "<what>", ".svg", ".csv", "<suffix>", "/letter", "merge", "/verify", "/code", "tf-rescue", "forgot",
    "second-factor", "passkey", "/recovery", "/check", "security-static", "welcome", "sign-in",
    "provider/",
)  # fmt: skip
VISIBLE_FOCUS = """() => {
  const hidden = [];
  const focusable = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  for (const element of document.querySelectorAll(focusable)) {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.disabled) continue;
    if (element.closest(".visually-hidden")) continue;
    if (element.tabIndex > 0) hidden.push(`tabindex: ${element.outerHTML.slice(0, 80)}`);
    if (element.tabIndex < 0) continue;
    element.focus();
    const style = getComputedStyle(element);
    const marked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none";
    if (document.activeElement === element && !marked) hidden.push(`unseen: ${element.outerHTML.slice(0, 80)}`);
    const box = [...element.getClientRects()].find((rect) => rect.width && rect.height);
    if (!box) continue;
    const parts = [.1, .5, .9].flatMap((x) => [.1, .5, .9].map((y) => [x, y]));
    const seen = parts.some(([x, y]) => {
      const top = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
      return top && (element.contains(top) || top.contains(element) || top.closest("label")?.control === element);
    });
    if (!seen) hidden.push(`covered: ${element.outerHTML.slice(0, 80)}`);
  }
  return hidden;
}"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = LocalStack(tmp_path_factory.mktemp("stack") / "data", free_port()).wait_until_started()
    yield stack
    stack.stop()


def make_rarer(petition, signature, mailing):
    """Make one of each thing that has a page of its own and is seldom there; return what their addresses have."""
    partner = make_partner()
    make_partnership(petition, partner)
    now = clock.now()
    cluster = IntegrityCluster(
        petition_id=petition.id, kind="domain", key="catch-all.net", signatures=2, confirmed=2, share=0.66,
        first_at=now, last_at=now, signals={"hurried": [1.0, 0.45]}, sample=[signature.id],
    )  # fmt: skip
    delivery = Delivery(
        kind="mailing", queue="mailings", state="sent", petition_id=petition.id, subject_id=signature.id, generation=1,
        mailing_id=mailing.id, settled_at=now,
    )  # fmt: skip
    db.session.add_all((cluster, delivery))
    values = editing.read_values({"kind": "update", "happened_on": now.date().isoformat(), "fr.title": "Une nouvelle"})
    update = editing.create(petition, values, publish=False)
    paper = importer.store_file(petition, "nom\nZoé Léger\n".encode(), "liste.csv", "alix@example.org")
    request = record_request("access", "letter", signature.email, now.date(), "alix@example.org")
    endpoint = endpoints.create("https://crm.example.org/in", EVENT_TYPES[:1], None, "alix@example.org")
    search = save_search(Filter(city="nim"), db.session.query(Account.id).limit(1).scalar())
    db.session.commit()
    importer.read_file(paper.id)
    return {"partner_id": partner.id, "cluster_id": cluster.id, "delivery_id": delivery.id, "update_id": update.id,
            "import_id": paper.id, "request_id": request.id, "endpoint_id": endpoint.id,
            "search_id": search.id}  # fmt: skip


def list_paths(stack):
    """Return the paths of all pages of the team, each with something to show."""
    app = create_app(Config(stack.settings()))
    with app.test_request_context():
        petition = make_petition(sender_name="Les amis")
        signature = make_signature(petition, updates=True, city="Nîmes")
        confirm_signature(signature)
        mailing = make_mailing(petition)
        db.session.commit()
        values = {"slug": petition.slug, "signature_id": signature.id, "mailing_id": mailing.id, "change": "close",
                  "account_id": db.session.query(Account.id).scalar(), "action": "withdraw"}  # fmt: skip
        values |= make_rarer(petition, signature, mailing)
        invalidation = prepare_bulk_invalidation(Filter(city="nim"), "for the test", "alix@example.org").id
        db.session.commit()
    paths = {f"/desk/signatures/runs/{invalidation}", "/desk/signatures/export/"}
    paths |= {f"/desk/signatures/searches/{values['search_id']}/{verb}" for verb in ("invalidate", "quarantine")}
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(("/desk/", "/ops/", "/account/")) or "GET" not in rule.methods:
            continue
        if any(part in rule.rule for part in NO_PAGES) or not set(rule.arguments) <= set(values):
            continue
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<int:{name}>", str(values[name])).replace(f"<{name}>", str(values[name]))
        paths.add(path)
    return sorted(paths | {"/account/recovery-codes", "/account/passkeys"})


def test_every_page_reflows_and_shows_where_the_focus_is(stack, chromium):
    page = new_page(chromium, reduced_motion="reduce")  # else the page scrolls to the focus after a while
    create_first_account(stack, page, PASSWORD)
    paths = list_paths(stack)
    assert len(paths) > 60
    problems = []
    for path in paths:
        answer = page.goto(stack.url + path, wait_until="networkidle")  # previews in frames too
        assert answer.status == 200, path
        page.keyboard.press("Tab")
        first = page.evaluate("document.activeElement.getAttribute('href')")
        # A page for typing many lines begins in its first field.
        if first != "#main" and not page.locator("[autofocus]").count():
            problems.append(f"{path}: the first stop is no skip link ({first})")
        problems += [f"{path}: {found}" for found in page.evaluate(VISIBLE_FOCUS)]
        page.set_viewport_size(ZOOMED)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"):
            problems.append(f"{path}: wider than 320 pixels")
        page.set_viewport_size(VIEWPORTS["desktop"])
        problems += [f"{path}: {found['id']}" for found in Axe().run(page).response["violations"]]
    assert problems == []
    page.context.close()


def test_the_tab_key_leads_through_a_form_and_out_of_it(stack, chromium):
    page = new_page(chromium)
    page.goto(f"{stack.url}/account/sign-in")
    stops = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = page.evaluate("(document.activeElement.id || document.activeElement.textContent).trim()")
        if stops and stop == stops[0]:
            break
        stops.append(stop)
    assert stops.index("email") < stops.index("password") < stops.index("Sign in")
    assert len(stops) < 20, "the focus comes back to the beginning"
    page.context.close()
