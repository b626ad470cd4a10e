"""The desk in a browser: from an empty site to the first mailing, nothing lost, a draft shown to colleagues."""

import json

import pytest
from support.browser import VIEWPORTS, check_page, click_and_wait, create_first_account, new_page
from support.local_stack import LocalStack
from support.ports import free_port
from support.waiting import wait_for

from petition.core.languages.languages import LANGUAGES

PASSWORD = "four words are enough"
MAX_CLICKS = 10
# 1280 CSS pixels at 400 % (WCAG 2.2, 1.4.10).
ZOOMED = {"width": 320, "height": 256}
WORD = """<html><body><p class=MsoNormal><b>Madame</b>,</p><h1>Pourquoi</h1><ul><li>un</li><li>deux</li></ul>
<p>Voir <a href="https://example.org/rapport">le rapport</a>.</p><style>p {color: red}</style></body></html>"""
PASTE = """([area, html]) => {
  const data = new DataTransfer();
  data.setData("text/html", html);
  area.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def stack(tmp_path):
    stack = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    yield stack
    stack.stop()


@pytest.fixture
def page(chromium):
    page = new_page(chromium)
    page.dialogs = []
    page.on("dialog", lambda dialog: (page.dialogs.append(dialog.type), dialog.accept()))
    yield page
    page.context.close()


def count_clicks(page):
    """Return a function that clicks, and counts."""
    clicks = []

    def click(name, role="button", *, leads=True, exact=True):
        found = page.get_by_role(role, name=name, exact=exact).first
        clicks.append(name)
        click_and_wait(found) if leads else found.click()

    return click, clicks


def check_navigation_of_a_phone(page):
    """Check that each navigation is one row, which shows where one is, and that its menu opens."""
    page.set_viewport_size(VIEWPORTS["phone"])
    page.reload()
    for row in (".bar .sections", ".tabs .nav"):
        tops = page.locator(f"{row} > li").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
        assert len(set(tops)) == 1, f"{row} takes more than one row on a phone"
    here = page.locator(".tabs .nav [aria-current]").first.bounding_box()
    assert here["x"] >= 0, "the current tab is out of sight"
    assert here["x"] + here["width"] <= VIEWPORTS["phone"]["width"], "the current tab is out of sight"
    page.locator(".tabs .more summary").click()
    assert page.locator(".tabs .more ul a").first.is_visible()
    page.set_viewport_size(VIEWPORTS["desktop"])


@pytest.mark.slow
def test_from_an_empty_site_to_the_first_mailing(stack, page):
    assert f"{stack.url}/desk/" in stack.output.read_text()
    create_first_account(stack, page, PASSWORD)
    check_page(page)
    click, clicks = count_clicks(page)
    click("New petition", "link")
    page.fill("[name='en.title']", "For a gärden at school")
    page.fill("[name='en.summary']", "A garden for all.")
    page.fill("[name='en.addressee']", "the mayor")
    page.fill("[name='en.body']", "Dear mayor,\n\nThank you.")
    page.fill("[name=sender_name]", "Les amis du jardin")
    assert page.locator("[name=slug]").get_attribute("placeholder") == "for-a-garden-at-school"
    click("Save the draft")
    check_page(page)
    click("Open…", "link")
    click("Open")
    slug = page.url.rpartition("/")[2]
    form = {"name": "Zoé Martin", "email": "zoe@example.org", "updates": "on", "locale": "en"}
    assert stack.request("POST", f"/p/{slug}/sign", form=form).status == 303
    assert stack.confirm(stack.link_to("zoe@example.org")).status == 303
    click("Write a mailing to its signers", "link")
    page.fill("#name", "Premières nouvelles")
    page.fill("#subject_en", "News")
    page.fill("#body_en", "Hello {{ name }}")
    page.fill("#undo_minutes", "0")
    click("Save")
    click("Send test emails")
    page.get_by_role("button", name="Schedule it for 1 recipient").wait_for(timeout=90_000)
    page.get_by_text("a test email must have been sent in").wait_for(state="detached", timeout=90_000)
    click("Schedule it for 1 recipient")
    number = page.url.rpartition("/")[2]
    page.goto(f"{stack.url}/desk/mailings/{number}")
    inbox = stack.mail_to
    wait_for(lambda: [m for m in inbox("zoe@example.org") if m["subject"] == "News"], 90, "the mailing")
    assert len(clicks) <= MAX_CLICKS, clicks
    for path in (
        "/desk/",
        f"/desk/petitions/{slug}",
        f"/desk/petitions/{slug}/edit",
        f"/desk/petitions/{slug}/embed",
        "/desk/mailings/",
        "/account/",
    ):
        page.goto(stack.url + path)
        check_page(page)
        page.set_viewport_size(ZOOMED)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), path
        page.set_viewport_size(VIEWPORTS["desktop"])
    page.goto(f"{stack.url}/desk/petitions/{slug}/documents")
    check_navigation_of_a_phone(page)
    for language in LANGUAGES:
        page.goto(f"{stack.url}/desk/petitions/{slug}/integrity?lang={language}")
        for row in (".bar .sections", ".tabs .nav"):
            tops = page.locator(f"{row} > li").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
            assert len(set(tops)) == 1, f"{language} {row} takes more than one row"
    page.locator(".tabs .more summary").click()
    check_page(page)
    click_and_wait(page.locator(".tabs .more ul a").first)
    assert page.url.endswith(f"/desk/petitions/{slug}/organisations")


@pytest.mark.slow
def test_nothing_that_is_typed_is_lost(stack, page):
    create_first_account(stack, page, PASSWORD)
    page.goto(f"{stack.url}/desk/petitions/new")
    page.locator("[name='en.title']").press_sequentially("Pour un jardin")
    page.get_by_text("Kept at").wait_for()
    area = page.locator("[name='en.body']")
    area.focus()
    page.evaluate(PASTE, [area.element_handle(), WORD])
    pasted = area.input_value()
    assert pasted == (
        "**Madame**,\n\n## Pourquoi\n\n- un\n- deux\n\nVoir [le rapport](https://example.org/rapport)."
    ), json.dumps(pasted)
    page.get_by_role("link", name="Home").click()
    page.wait_for_url("**/desk/")
    assert page.dialogs == ["beforeunload"]
    click_and_wait(page.get_by_role("link", name="A petition that you began to write"))
    assert page.locator("[name='en.title']").input_value() == "Pour un jardin"

    # The session ends while the form is open: what was typed is there again after signing in.
    page.context.clear_cookies()
    page.fill("[name='en.title']", "Pour un plus grand jardin")
    click_and_wait(page.get_by_role("button", name="Save the draft"))
    assert "next=/desk/petitions/new" in page.url
    page.fill("#email", "alix@example.org")
    page.fill("#password", PASSWORD)
    click_and_wait(page.get_by_role("button", name="Sign in", exact=True))
    kept = page.context.request.get(f"{stack.url}/desk/petitions/new").url
    assert "sign-in" in kept, "a second factor is asked for first"


@pytest.mark.slow
def test_a_draft_is_shown_to_a_colleague(stack, page, chromium):
    create_first_account(stack, page, PASSWORD)
    page.goto(f"{stack.url}/desk/petitions/new")
    page.fill("[name='en.title']", "Pour un jardin")
    click_and_wait(page.get_by_role("button", name="Save the draft"))
    assert page.get_by_text("Still missing:").count()
    click_and_wait(page.get_by_role("link", name="See it as signers will"))
    check_page(page)
    click_and_wait(page.get_by_role("button", name="Make a link"))
    check_page(page)
    link = page.locator("#link").input_value()
    colleague = new_page(chromium, locale="fr-FR")
    colleague.goto(link)
    check_page(colleague)
    assert colleague.frame_locator("iframe").get_by_role("heading", name="Pour un jardin").first.inner_text()
    colleague.context.close()
