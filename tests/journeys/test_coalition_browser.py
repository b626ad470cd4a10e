"""A coalition in a real browser: an organisation joins, is agreed to, writes from its own name, is left, and leaves."""

import os
import re
from pathlib import Path

import pytest
from support.browser import VIEWPORTS, check_page, click_and_wait, create_first_account, new_page
from support.local_stack import LocalStack
from support.ports import free_port
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("operator")]
PASSWORD = "four words are enough"
LETTER, DESK = "/p/internet-en-prison", "/desk/petitions/internet-en-prison"
NAME, MEMBER, SIGNER = "La chorale", "ada@example.net", "zoe@example.org"
SCREENSHOT_FOLDER = os.environ.get("PICTURES")  # a folder to keep pictures in, to be looked at


@pytest.fixture
def stack(tmp_path):
    stack = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    yield stack
    stack.stop()


@pytest.fixture
def pages(chromium):
    opened = []

    def make(**options):
        opened.append(new_page(chromium, **options))
        return opened[-1]

    yield make
    for page in opened:
        page.context.close()


def look(page, name):
    """Check a page, and keep pictures of it where they are asked for."""
    check_page(page)
    for scheme in ("light", "dark") if SCREENSHOT_FOLDER else ():
        page.emulate_media(color_scheme=scheme)
        for width, size in VIEWPORTS.items():
            page.set_viewport_size(size)
            page.wait_for_timeout(400)
            page.screenshot(path=str(Path(SCREENSHOT_FOLDER) / f"{name}-{width}-{scheme}.png"), full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(VIEWPORTS["desktop"])


def add_organisation(stack, admin):
    admin.goto(f"{stack.url}/desk/partners")
    look(admin, "no-partner")
    admin.fill("#name", NAME)
    admin.fill("#key", "choir")
    admin.fill("#reply_to", "office@choir.example")
    click_and_wait(admin.get_by_role("button", name="Add", exact=True))
    admin.fill("#address", MEMBER)
    click_and_wait(admin.get_by_role("button", name="Add a member"))
    look(admin, "organisation")
    admin.goto(f"{stack.url}{DESK}/partners")
    admin.select_option("#role", "owner")
    click_and_wait(admin.get_by_role("button", name="Add a partner"))
    look(admin, "of-petition")


def join_team(stack, member):
    mail = wait_for(lambda: stack.mail_to(MEMBER), what="an invitation")
    member.goto(stack.url + re.search(r"/account/welcome/\S+", mail[0]["text"])[0])
    member.fill("#name", "Ada")
    member.fill("#password", PASSWORD)
    member.fill("#again", PASSWORD)
    click_and_wait(member.locator("main button"))
    member.wait_for_url("**/desk/shared")
    look(member, "shared")


def agree(stack, signer):
    signer.goto(f"{stack.url}{LETTER}?via=choir&lang=en")
    signer.fill("#field-name", "Zoé Martin")
    signer.fill("#field-email", SIGNER)
    assert not signer.is_checked("#field-news_choir")
    signer.check("#field-news_choir")
    look(signer, "form")
    click_and_wait(signer.get_by_role("button", name="Sign", exact=True).last)
    link = stack.link_to(SIGNER)
    signer.goto(stack.url + link)
    signer.get_by_text(f"You will receive news by email from {NAME}.").wait_for()
    look(signer, "confirm")
    assert stack.confirm(link).status == 303


def write(stack, member):
    member.goto(f"{stack.url}/desk/mailings/new")
    member.fill("#name", "Concert")
    member.locator("input[name=petitions]").first.check()
    member.fill("#subject_en", "Our concert")
    member.fill("#body_en", "Hello {{ name }},\n\nCome and sing.")
    member.fill("#undo_minutes", "0")
    look(member, "write")
    click_and_wait(member.locator("#mailing button.btn-primary").last)
    member.get_by_text(f"A mailing of {NAME}").wait_for()
    member.get_by_role("button", name="Send test emails").wait_for()
    look(member, "mailing")
    click_and_wait(member.get_by_role("button", name="Send test emails"))
    wait_for(lambda: len(stack.mail_to(MEMBER)) > 1, what="a test email")
    mailing = member.url

    def is_scheduled():
        member.goto(mailing)
        button = member.get_by_role("button", name=re.compile("^Schedule"))
        if button.count():
            click_and_wait(button)
        return member.get_by_text("Before it is sent").count() == 0 and not button.count()

    wait_for(is_scheduled, what="a mailing that is scheduled")
    return mailing


def find_news(stack):
    return [mail for mail in stack.mail_to(SIGNER) if mail["subject"] == "Our concert"]


def test_an_organisation_joins_writes_and_leaves(stack, pages):
    admin, member, signer = pages(), pages(), pages()
    create_first_account(stack, admin, PASSWORD)
    add_organisation(stack, admin)
    join_team(stack, member)
    agree(stack, signer)
    mailing = write(stack, member)

    [news] = wait_for(lambda: find_news(stack), what="the partner's news")
    assert news["headers"]["From"].startswith(NAME)
    assert news["headers"]["Reply-To"] == "office@choir.example"
    unsubscribe = re.search(r"<(http[^>]+)>", news["headers"]["List-Unsubscribe"])[1]
    signer.goto(unsubscribe)
    look(signer, "unsubscribe")
    click_and_wait(signer.get_by_role("button", name=f"Stop the news of {NAME}"))
    look(signer, "unsubscribed")

    member.goto(f"{stack.url}{DESK}/campaign")
    look(member, "statistics")
    member.goto(f"{stack.url}/desk/shared")
    assert member.get_by_text("Through your link").locator("xpath=following-sibling::dd[1]").inner_text() == "1"

    admin.goto(f"{stack.url}{DESK}/partners")
    admin.get_by_text("End the partnership…").click()
    click_and_wait(admin.get_by_role("button", name="End the partnership"))
    look(admin, "left")
    assert member.goto(mailing).status == 403
    assert member.goto(f"{stack.url}{DESK}/edit").status == 403
    assert "news_choir" not in stack.get(LETTER).text
