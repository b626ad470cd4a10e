"""The life of a campaign, in a real browser: news are published and seen, a sheet is typed by keyboard and struck."""

import pytest
from support.browser import check_page, click_and_wait
from support.local_stack import LocalStack
from support.ports import free_port
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("operator")]
SLUG = "internet-en-prison"
LETTER, DESK = f"/p/{SLUG}", f"/desk/petitions/{SLUG}"
LINES = (("Zoé Martin", "Juge", "Lyon", "69001"), ("Jean Roy", "", "Nîmes", ""), ("12", "", "", ""))


@pytest.fixture
def stack(tmp_path):
    stack = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    yield stack
    stack.stop()


def test_the_answer_is_written_published_and_made_a_mailing(stack, desk):
    desk.goto(f"{stack.url}{DESK}/updates/new?lang=en")
    desk.check("#kind-answer")
    desk.fill("#happened_on", "2022-12-02")
    desk.fill("[name='fr.title']", "La ministre répond")
    desk.fill("[name='fr.body']", "> Nous étudions cela.\n\nNous attendons un **calendrier**.")
    desk.locator("[data-language=fr] .preview strong").wait_for()
    check_page(desk)
    click_and_wait(desk.get_by_role("button", name="Publish"))
    check_page(desk)
    wait_for(lambda: "La ministre répond" in stack.get(LETTER).text, what="the answer on the page")
    for path in (LETTER, f"{LETTER}/updates"):
        desk.goto(f"{stack.url}{path}?lang=fr")
        check_page(desk)
    desk.goto(f"{stack.url}{DESK}/updates?lang=en")
    click_and_wait(desk.get_by_role("button", name="Make a mailing of it"))
    assert "/desk/mailings/" in desk.url
    assert "La ministre répond" in desk.locator("main").inner_text()


def test_a_sheet_is_typed_without_the_mouse_and_struck(stack, desk):
    desk.goto(f"{stack.url}{DESK}/paper/sheet?lang=en")
    keyboard = desk.keyboard
    keyboard.type("A 12")  # the first field has the focus
    desk.focus("tbody tr:first-child input")
    for line in LINES:
        for cell in line[:-1]:
            keyboard.type(cell)
            keyboard.press("Tab")
        keyboard.type(line[-1])
        keyboard.press("Enter")
    assert desk.evaluate("document.activeElement.getAttribute('aria-label')") == "Name, line 4"
    with desk.expect_navigation():
        keyboard.press("Control+Enter")
    # The wrong line has the focus, and everything that was typed is still there.
    assert desk.evaluate("document.activeElement.value") == "12"
    assert desk.locator("tbody tr:first-child input").first.input_value() == "Zoé Martin"
    check_page(desk)
    desk.focus("tbody tr:nth-child(3) input")
    keyboard.press("Control+a")
    keyboard.type("Ada Lenoir")
    with desk.expect_navigation():
        keyboard.press("Control+Enter")
    wait_for(lambda: stack.count()["paper"] == len(LINES), what="the count")
    desk.goto(f"{stack.url}{DESK}/paper?lang=en&sheet=A+12")
    click_and_wait(desk.get_by_role("link", name="Sheet A 12"))
    check_page(desk)
    click_and_wait(desk.locator("form[action$='/strike-sheet'] button"))
    wait_for(lambda: stack.count()["paper"] == 0, what="the count without the sheet")
    click_and_wait(desk.locator("form[action$='/restore-sheet'] button"))
    wait_for(lambda: stack.count()["paper"] == len(LINES), what="the count with the sheet")
