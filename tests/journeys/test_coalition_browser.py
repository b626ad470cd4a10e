"""A coalition in a real browser: an organisation joins, is agreed to, writes from its own name, is left, and leaves."""

import re

import pytest
from support.browser import check_and_picture, click_and_wait, create_first_account
from support.local_stack import LocalStack
from support.ports import free_port
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("operator")]
PASSWORD = "four words are enough"
LETTER, DESK = "/p/internet-en-prison", "/desk/petitions/internet-en-prison"
NAME, MEMBER, SIGNER = "La chorale", "ada@example.net", "zoe@example.org"


@pytest.fixture
def stack(tmp_path):
    stack = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    yield stack
    stack.stop()


def add_organisation(stack, admin):
    admin.goto(f"{stack.url}/desk/partners")
    check_and_picture(admin, "no-partner")
    admin.fill("#name", NAME)
    admin.fill("#key", "choir")
    admin.fill("#reply_to", "office@choir.example")
    click_and_wait(admin.get_by_role("button", name="Add", exact=True))
    admin.fill("#address", MEMBER)
    click_and_wait(admin.get_by_role("button", name="Add a member"))
    check_and_picture(admin, "organisation")
    admin.goto(f"{stack.url}{DESK}/partners")
    admin.select_option("#role", "owner")
    click_and_wait(admin.get_by_role("button", name="Add a partner"))
    check_and_picture(admin, "of-petition")


def join_team(stack, member):
    mail = wait_for(lambda: stack.mail_to(MEMBER), what="an invitation")
    member.goto(stack.url + re.search(r"/account/welcome/\S+", mail[0]["text"])[0])
    member.fill("#name", "Ada")
    member.fill("#password", PASSWORD)
    member.fill("#again", PASSWORD)
    click_and_wait(member.locator("main button"))
    member.wait_for_url("**/desk/shared")
    check_and_picture(member, "shared")


def agree(stack, signer):
    signer.goto(f"{stack.url}{LETTER}?via=choir&lang=en")
    signer.fill("#field-name", "Zoé Martin")
    signer.fill("#field-email", SIGNER)
    assert not signer.is_checked("#field-news_choir")
    signer.check("#field-news_choir")
    check_and_picture(signer, "form")
    click_and_wait(signer.get_by_role("button", name="Sign", exact=True).last)
    link = stack.link_to(SIGNER)
    signer.goto(stack.url + link)
    signer.get_by_text(f"You will receive news by email from {NAME}.").wait_for()
    check_and_picture(signer, "confirm")
    assert stack.confirm(link).status == 303


def write(stack, member):
    member.goto(f"{stack.url}/desk/mailings/new")
    member.fill("#name", "Concert")
    member.locator("input[name=petitions]").first.check()
    member.fill("#subject_en", "Our concert")
    member.fill("#body_en", "Hello {{ name }},\n\nCome and sing.")
    member.fill("#undo_minutes", "0")
    check_and_picture(member, "write")
    click_and_wait(member.locator("#mailing button.btn-primary").last)
    member.get_by_text(f"A mailing of {NAME}").wait_for()
    member.get_by_role("button", name="Send test emails").wait_for()
    check_and_picture(member, "mailing")
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
    check_and_picture(signer, "unsubscribe")
    click_and_wait(signer.get_by_role("button", name=f"Stop the news of {NAME}"))
    check_and_picture(signer, "unsubscribed")

    member.goto(f"{stack.url}{DESK}/campaign")
    check_and_picture(member, "statistics")
    member.goto(f"{stack.url}/desk/shared")
    assert member.get_by_text("Through your link").locator("xpath=following-sibling::dd[1]").inner_text() == "1"

    admin.goto(f"{stack.url}{DESK}/partners")
    admin.get_by_text("End the partnership…").click()
    click_and_wait(admin.get_by_role("button", name="End the partnership"))
    check_and_picture(admin, "left")
    assert member.goto(mailing).status == 403
    assert member.goto(f"{stack.url}{DESK}/edit").status == 403
    assert "news_choir" not in stack.get(LETTER).text
