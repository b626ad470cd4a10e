"""The form on another site, in Chromium: another origin, styles that fight it, no scripts, a site that is not listed.

And the example in the documents: a page of another site that signs by the JSON API.
"""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from support.browser import VIEWPORTS, new_page
from support.settings import ROOT
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("stack")]
SLUG = "internet-en-prison"
# As themes of content management systems have it, and worse.
HOSTILE_CSS = """
* { box-sizing: content-box !important; max-width: 60% !important; float: left; letter-spacing: 3px }
iframe { height: 90px !important; display: none !important; filter: blur(3px); pointer-events: none !important }
petition-form { display: none !important; height: 40px !important; overflow: hidden !important; transform: scale(.2) }
.content > * { position: absolute !important; visibility: hidden; opacity: .1 !important }
article.content { max-width: none !important; float: none; width: 100% }
"""
CMS_PAGE = """<!doctype html><html lang="fr-FR"><head><meta charset="utf-8"><title>Un billet</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{css}</style></head>
<body><main><h1>Un billet</h1><article class="content">{snippet}</article><p>La suite.</p></main></body></html>"""
SNIPPET = """<petition-form slug="{slug}" lang="fr"><a href="{site}/p/{slug}">Signer : la lettre</a></petition-form>
<script src="{site}/embed.js" async></script>"""


class OtherSite:
    """A website on another port of this machine, which is another origin."""

    def __init__(self) -> None:
        self.pages = {}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = pages.get(self.path)
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write((body or "").encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def other_site():
    site = OtherSite()
    yield site
    site.stop()


@pytest.fixture
def blog(stack, other_site):
    """Return a site that the letter lists, with the form in a post."""
    snippet = SNIPPET.format(slug=SLUG, site=stack.url)
    other_site.pages |= {
        "/": CMS_PAGE.format(css="", snippet=snippet),
        "/hostile": CMS_PAGE.format(css=HOSTILE_CSS, snippet=snippet),
        "/light": CMS_PAGE.format(css="", snippet=snippet.replace("lang=", 'theme="light" lang=')),
        "/example": (ROOT / "docs" / "examples" / "own-form.html")
        .read_text(encoding="utf-8")
        .replace("https://petition.example.org", stack.url),
    }
    allow(stack, [other_site.url])
    yield other_site
    allow(stack, [])


def allow(stack, origins):
    """Set the list of sites as the team does at the desk."""
    url = stack.settings()["DATABASE_URL"].replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE petitions SET embed_origins = %s, version = version + 1 WHERE slug = %s", (origins, SLUG)
        )
    expected = " ".join(origins) or "'none'"
    path = f"/p/{SLUG}/embed"
    # Each process of the web has a cache: a list is there once several answers have it.
    wait_for(
        lambda: all(stack.get(path).headers["Content-Security-Policy"].endswith(expected) for _ in range(10)),
        what="the new list",
    )


def open_form(page, url):
    """Open a page, and return its frame once it is as high as the form."""
    page.goto(url)
    page.wait_for_function(
        "document.querySelector('petition-form').shadowRoot?.querySelector('iframe').offsetHeight > 200"
    )
    return page.frame_locator("petition-form iframe")


def inner(page):
    return next(frame for frame in page.frames if "/embed" in frame.url)


def check_frame(page):
    """Fail unless the frame shows all of the form, without scrolling, and without accessibility violations."""
    inner(page).wait_for_function(
        "(page) => page.scrollHeight <= innerHeight && page.scrollWidth <= innerWidth",
        arg=inner(page).evaluate_handle("document.documentElement"),
    )
    violations = Axe().run(page).response["violations"]
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in violations] == []
    assert [fault for fault in page.console_errors if "Content Security Policy" in fault] == []


@pytest.mark.parametrize(
    ("path", "width"),
    [("/", 320), ("/", VIEWPORTS["phone"]["width"]), ("/", 1280), ("/hostile", 320), ("/hostile", 1280)],
)
def test_the_whole_form_is_shown_on_another_site(stack, chromium, blog, path, width):
    page = new_page(chromium, viewport={"width": width, "height": 700}, locale="fr-FR")
    form = open_form(page, blog.url + path)
    assert not page.get_by_role("link", name="Signer : la lettre").is_visible()
    assert form.locator("form.sign .act button").is_visible()
    box, column = page.locator("petition-form iframe").bounding_box(), page.locator(".content").bounding_box()
    assert box["width"] == pytest.approx(column["width"], abs=2), "as wide as the column"
    assert box["height"] > 400
    inner(page).wait_for_function("() => document.documentElement.scrollHeight <= innerHeight + 1")
    if path == "/":
        check_frame(page)
        assert page.locator("petition-form iframe").get_attribute("title") == "Signer : la lettre"
    page.context.close()


def test_the_form_is_dark_on_a_dark_device_unless_the_site_says_otherwise(stack, chromium, blog):
    page = new_page(chromium, color_scheme="dark")
    for path, is_dark in (("/", True), ("/light", False)):
        open_form(page, blog.url + path)
        red = inner(page).evaluate("parseInt(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")
        assert (red < 128) is is_dark, path
        check_frame(page)
    page.context.close()


def test_a_person_signs_on_another_site_by_keyboard(stack, chromium, blog):
    page = new_page(
        chromium, locale="fr-FR", viewport=VIEWPORTS["phone"], extra_http_headers={"X-Forwarded-For": "198.18.230.1"}
    )
    before, address = stack.count()["confirmed"], f"embedded.{time.time_ns()}@example.org"
    form = open_form(page, blog.url)
    form.locator("#field-name").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("nobody")
    page.keyboard.press("Enter")
    form.locator("[role=alert]").wait_for()
    check_frame(page)
    assert page.url == f"{blog.url}/"
    form.locator(".summary-errors a[href='#field-name']").click()
    page.keyboard.type("Noémie Cadre")
    form.locator("#field-email").fill(address)
    page.keyboard.press("Enter")
    form.locator("dl.facts").wait_for()
    check_frame(page)
    assert page.evaluate("document.querySelector('petition-form').getBoundingClientRect().top >= 0"), (
        "its beginning is seen"
    )
    assert len(page.context.pages) == 1
    link = stack.link_to(address)
    assert stack.confirm(link).status == 303
    wait_for(lambda: stack.count()["confirmed"] == before + 1, what="the count")
    page.context.close()


def test_links_in_the_frame_open_in_a_tab_of_their_own(stack, chromium, blog):
    page = new_page(chromium, locale="fr-FR")
    form = open_form(page, blog.url)
    with page.context.expect_page() as opened:
        form.locator("h1 a").click()
    assert opened.value.url.startswith(f"{stack.url}/p/{SLUG}")
    assert opened.value.evaluate("window.opener") is None
    page.context.close()


def test_a_site_that_is_not_listed_and_one_without_scripts_keep_the_link(stack, chromium, blog):
    allow(stack, ["https://else.example"])
    page = new_page(chromium)
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(blog.url)
    assert page.get_by_role("link", name="Signer : la lettre").is_visible()
    assert page.evaluate("document.querySelector('petition-form').shadowRoot.querySelector('iframe').offsetHeight") == 0
    page.context.close()
    plain = chromium.new_context(java_script_enabled=False).new_page()
    plain.goto(blog.url)
    assert plain.get_by_role("link", name="Signer : la lettre").is_visible()
    plain.context.close()


def test_nobody_but_the_form_sets_its_height(stack, chromium, blog):
    page = new_page(chromium)
    open_form(page, blog.url)
    height = page.locator("petition-form iframe").bounding_box()["height"]
    page.evaluate("postMessage({petitionHeight: 9000}, '*')")
    page.evaluate("new Promise((resolve) => setTimeout(resolve, 0))")
    assert page.locator("petition-form iframe").bounding_box()["height"] == height
    page.context.close()


def test_the_example_page_signs_by_the_api(stack, chromium, blog):
    page = new_page(chromium)  # with a header of its own, it would ask for another one in preflight
    address = f"own.form.{time.time_ns()}@example.org"
    page.goto(f"{blog.url}/example")
    page.get_by_text("signatures").first.wait_for()
    page.fill("#name", "Own Form")
    page.get_by_role("button", name="Sign").click()
    page.get_by_text("Tell us your email address").wait_for()
    page.fill("#email", address)
    page.get_by_role("button", name="Sign").click()
    page.get_by_text("One more step").wait_for()
    assert stack.link_to(address)
    assert Axe().run(page).response["violations"] == []
    allow(stack, [])
    page.goto(f"{blog.url}/example")
    page.fill("#name", "Own Form")
    page.fill("#email", address)
    page.get_by_role("button", name="Sign").click()
    page.get_by_text("There is no connection").wait_for()
    page.context.close()
