"""The pages around a campaign's documents, in Chromium: links to them, the wait for one, a dossier made at the desk."""

import pytest
from support.browser import check_page, click_and_wait, create_first_account, new_page
from support.local_stack import LocalStack
from support.ports import free_port
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("operator")]
SLUG = "internet-en-prison"
KINDS = ("letter.pdf", "signatories.pdf", "poster.pdf", "poster.pdf?format=a3", "sheet.pdf", "card.png")


def check_waiting_page(page, url):
    """Check the page that says that a document is being made, and that it asks again by itself."""
    asked = []

    def hold(route):
        asked.append(route)
        if len(asked) == 1:
            route.continue_()
        else:
            route.abort("aborted")  # the page stays; a request that is held stops the checks of a slow machine

    page.route(url, hold)
    assert page.goto(url).status == 202
    check_page(page)
    page.wait_for_timeout(2500)
    assert len(asked) > 1
    page.unroute(url)


def test_documents_are_waited_for_and_a_dossier_is_made(chromium, tmp_path):
    stack = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    try:
        public = new_page(chromium)
        public.goto(f"{stack.url}/p/{SLUG}?lang=en")
        links = public.locator("a[href*='.pdf']")
        assert {link.split("/")[-1].split("?")[0] for link in links.evaluate_all("all => all.map((a) => a.href)")} == {
            "letter.pdf", "signatories.pdf", "poster.pdf", "sheet.pdf"
        }  # fmt: skip
        check_waiting_page(public, f"{stack.url}/p/{SLUG}/poster.pdf?format=a3&lang=en")
        for kind in KINDS:
            url = f"{stack.url}/p/{SLUG}/{kind}"
            wait_for(lambda url=url: public.request.get(url).status == 200, 60, f"the document {kind}")

        desk = new_page(chromium)
        create_first_account(stack, desk, "four words are enough")
        desk.goto(f"{stack.url}/desk/petitions/{SLUG}/documents?lang=en")
        check_page(desk)
        click_and_wait(desk.get_by_role("button", name="Make a dossier"))
        check_page(desk)
        desk.locator("#dossiers code").wait_for(timeout=90_000)
        check_page(desk)
        with desk.expect_download() as download:
            desk.locator("#dossiers form button").click()
        assert download.value.path().read_bytes().startswith(b"%PDF")

        desk.goto(f"{stack.url}/p/{SLUG}/thank-you?lang=en")
        check_page(desk)
    finally:
        stack.stop()
