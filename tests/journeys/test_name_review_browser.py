"""Names in the public list, in a real browser: reviewed on the desk, reported by a reader, decided, undone."""

import pytest
from support.browser import check_page, click_and_wait
from support.local_stack import LocalStack
from support.ports import free_port
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("operator")]
LETTER = "/p/internet-en-prison"
PERSON = {"name": "Zoé Martin", "email": "zoe@example.org"}
FLAGGED = {"name": "Police Nationale", "email": "police@example.net"}
ORGANISATION = {
    "party": "organisation",
    "organisation": "Example",
    "name": "Ana Li",
    "email": "contact@example.org",
}


@pytest.fixture
def stack(tmp_path):
    stack = LocalStack(tmp_path / "data", free_port()).wait_until_started()
    yield stack
    stack.stop()


def sign_and_confirm(stack, network, form):
    answer = stack.request("POST", f"{LETTER}/sign", form={**form, "listed": "on"}, network=network)
    assert answer.status == 303, answer.text
    assert stack.confirm(stack.link_to(form["email"]), network=network).status == 303


def wait_for_list(stack, shown, hidden=()):
    """Wait until the public list, which is cached for a moment, shows these names and not those."""

    def agrees():
        text = stack.get(f"{LETTER}/signatories?lang=en").text
        return all(name in text for name in shown) and not any(name in text for name in hidden)

    wait_for(agrees, what=f"a list with {shown} and without {hidden}")


def test_names_are_reviewed_reported_decided_and_undone(stack, desk, page):
    for network, form in enumerate((PERSON, FLAGGED, ORGANISATION), 1):
        sign_and_confirm(stack, network, form)
    wait_for_list(stack, ["Zoé Martin"], ["Police Nationale", "Example"])

    desk.goto(f"{stack.url}/desk/names/")
    check_page(desk)
    click_and_wait(desk.get_by_role("button", name="Show Example", exact=True))
    desk.get_by_role("status").get_by_text("1 name is shown.").wait_for()
    click_and_wait(desk.get_by_role("button", name="Do not show Police Nationale", exact=True))
    desk.get_by_text("No name waits for you.").wait_for()
    check_page(desk)
    wait_for_list(stack, ["Zoé Martin", "Example"], ["Police Nationale"])

    click_and_wait(desk.get_by_role("link", name="Latest decisions, to look up or undo"))
    check_page(desk)
    click_and_wait(desk.get_by_role("row", name="Police Nationale").get_by_role("button", name="Undo"))
    desk.get_by_role("status").get_by_text("The decision is undone.").wait_for()
    desk.goto(f"{stack.url}/desk/names/")
    desk.get_by_role("checkbox", name="Police Nationale").check()
    tick_bar = desk.get_by_role("group", name="For the ticked names")
    click_and_wait(tick_bar.get_by_role("button", name="Do not show", exact=True))
    desk.get_by_role("status").get_by_text("1 name is not shown.").wait_for()

    page.goto(f"{stack.url}{LETTER}/signatories")
    assert page.get_by_role("img", name="Signed from an address at its own domain").count() == 1
    check_page(page)
    click_and_wait(page.get_by_role("link", name="Report a name that should not be here"))
    check_page(page)
    click_and_wait(page.get_by_role("link", name="Report this name: Zoé Martin", exact=True))
    check_page(page)
    page.locator("form input[name=reason]").first.check()
    click_and_wait(page.get_by_role("button", name="Report this name"))
    page.get_by_role("heading", name="Thank you").wait_for()
    check_page(page)
    wait_for_list(stack, ["Zoé Martin", "Example"], ["Police Nationale"])

    desk.goto(f"{stack.url}/desk/names/")
    desk.get_by_text("1 report", exact=True).wait_for()
    check_page(desk)
    click_and_wait(desk.get_by_role("button", name="Do not show Zoé Martin", exact=True))
    wait_for_list(stack, ["Example"], ["Zoé Martin"])
    count = stack.count()
    assert (count["confirmed"], count["organisations"]) == (3, 1)
