"""A mailing in a real browser: written in French, sent in English, stopped by one of its readers."""

import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.browser import check_and_picture, click_and_wait
from support.local_stack import LocalStack
from support.ports import free_port
from support.settings import ROOT
from support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("mailing")]
PASSWORD = "four words are enough"
SIGNERS = 40


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    stack = LocalStack(tmp_path_factory.mktemp("mailing") / "data", free_port()).wait_until_started()
    yield stack
    stack.stop()


def run_command(stack, *words):
    line = [sys.executable, "-m", "petition.cli", "--data", str(stack.data), *words]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def accept_invitation(stack, page, name, role):
    address = f"{name.lower()}@example.net"
    output = run_command(stack, "team", "invite", address, "--role", role, "--name", name, "--print-link")
    page.goto(stack.url + re.search(r"/account/welcome/\S+", output)[0])
    page.fill("#password", PASSWORD)
    page.fill("#again", PASSWORD)
    page.click("main button")
    page.wait_for_url("**/desk/")


def signed_and_confirmed(stack):
    def one(n):
        form = {"name": f"Signataire {chr(65 + n)}.", "email": f"s{n}@example.org", "updates": "on", "listed": "on",
                "locale": "en" if n % 4 == 0 else "fr"}  # fmt: skip
        assert stack.request("POST", "/p/internet-en-prison/sign", form=form, network=n).status == 303
        assert stack.confirm(stack.link_to(form["email"])).status == 303

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(SIGNERS)))


def mailing_emails(stack):
    """Return the mailing's emails, by recipient."""
    everything = stack.get("/mailbox/messages.json").json
    return [mail for mail in everything if mail["subject"].startswith(("Des nouvelles, ", "News, "))]


def test_a_mailing_is_written_tested_sent_held_finished_and_left(stack, pages):
    signed_and_confirmed(stack)
    writer, sender = pages(locale="fr-FR"), pages()
    accept_invitation(stack, writer, "Camille", "campaigner")
    accept_invitation(stack, sender, "Sasha", "sender")
    number = write(stack, writer)
    test(stack, writer, number)
    token = writer.locator("[name=csrf_token]").first.get_attribute("value")
    refused = writer.context.request.post(f"{stack.url}/desk/mailings/{number}/schedule", form={"csrf_token": token})
    assert refused.status == 403, "a campaigner cannot send"
    send(stack, sender, number)
    unsubscribe(stack, pages(), sender, number)


def write(stack, page):
    page.goto(stack.url + "/desk/mailings/")
    check_and_picture(page, "empty")
    page.get_by_role("link", name="Rédiger un envoi").click()
    page.fill("#name", "Premières nouvelles")
    page.locator("input[name=petitions]").first.check()
    page.fill("#subject_fr", "Des nouvelles, {{ name }}")
    page.fill("#preheader_fr", "Où nous en sommes.")
    page.fill("#body_fr", "Bonjour {{ nom }},\n\nNous sommes {{ count }}.\n\n## La suite\n\n- un\n- deux")
    page.fill("#subject_en", "News, {{ name }}")
    page.fill("#body_en", "Hello {{ name }},\n\nWe are {{ count }}. [Your page]({{ personal_link }})")
    page.fill("#per_hour", "2400")  # a minute for all: it is paused before that, on a busy machine too
    page.fill("#undo_minutes", "0")
    page.get_by_role("button", name="Enregistrer").click()
    assert "ligne 1" in page.locator("#body_fr-hint").inner_text()
    assert page.input_value("#subject_en") == "News, {{ name }}", "nothing typed is lost"
    check_and_picture(page, "refused")
    page.fill("#body_fr", "Bonjour {{ name }},\n\nNous sommes {{ count }}.\n\n## La suite\n\n- un\n- deux")
    page.get_by_role("button", name="Enregistrer").click()
    page.wait_for_url("**/desk/mailings/*")
    page.get_by_text(f"{SIGNERS} destinataires").first.wait_for()
    check_and_picture(page, "draft")
    number = int(page.url.rsplit("/", 1)[1])
    page.get_by_role("link", name="Aperçu").click()
    # A frame without scripts: what it shows is read from its own address.
    page.wait_for_load_state("networkidle")
    check_and_picture(page, "preview")
    letter = page.context.request.get(stack.url + page.locator("iframe.email-preview").get_attribute("src"))
    assert f"Nous sommes {SIGNERS}." in letter.text()
    assert "sandbox" in letter.headers["content-security-policy"]
    first = page.locator("dd").nth(1).inner_text()
    page.select_option("#as", "1")
    page.select_option("#width", "phone")
    page.get_by_role("button", name="Afficher").click()
    assert page.locator("dd").nth(1).inner_text() != first
    page.select_option("#width", "text")
    page.get_by_role("button", name="Afficher").click()
    assert "* un\n* deux" in page.locator("pre").inner_text()
    check_and_picture(page, "preview-text")
    return number


def test(stack, page, number):
    page.goto(f"{stack.url}/desk/mailings/{number}")
    page.get_by_label("Sasha").check()
    page.get_by_role("button", name="Envoyer les tests").click()
    for who in ("camille", "sasha"):
        wait_for(lambda who=who: len([m for m in stack.mail_to(f"{who}@example.net") if m["subject"][0] == "["]) == 2,
                 20, "both tests")  # fmt: skip
    page.get_by_text("Français → Sasha : envoyé").or_(page.get_by_text("Français → Sasha: envoyé")).first.wait_for()
    check_and_picture(page, "tested")


test.__test__ = False  # a step of the journey


def settled(stack, number):
    return wait_for(lambda: mailing_emails(stack), 30, "the first email")


def send(stack, page, number):
    page.goto(f"{stack.url}/desk/mailings/{number}")
    page.get_by_text("a test email must have been sent in").wait_for(state="detached")
    page.get_by_role("button", name=re.compile("Schedule it for 40 recipients")).click()
    settled(stack, number)
    page.get_by_text("Pause…").wait_for()
    page.locator("progress").wait_for()  # shown by the page's own refresh
    check_and_picture(page, "sending")
    page.get_by_text("Pause…").click()
    page.fill("#pause-reason", "a word is missing")
    page.get_by_role("button", name="Pause now").click()
    page.get_by_text("a word is missing").first.wait_for()
    wait_for(
        lambda: '"sending": 0' in run_command(stack, "mailings", "report", str(number), "--json"),
        20,
        "no claimed delivery",
    )
    held = len(mailing_emails(stack))
    assert 0 < held < SIGNERS
    check_and_picture(page, "paused")
    assert len(mailing_emails(stack)) == held
    page.get_by_role("button", name="Resume").click()
    page.get_by_text(f"{SIGNERS} of {SIGNERS}").wait_for(timeout=240_000)
    page.get_by_text("Add new recipients…").wait_for()
    check_and_picture(page, "sent")
    assert Counter(mail["to"] for mail in mailing_emails(stack)) == Counter(f"s{n}@example.org" for n in range(SIGNERS))


def unsubscribe(stack, reader, sender, number):
    mail = next(mail for mail in mailing_emails(stack) if mail["to"] == "s4@example.org")
    assert mail["text"].startswith("Hello Signataire E.,")
    link = re.search(r"/u/[\w.-]+", mail["text"])[0]
    reader.goto(stack.url + link)
    check_and_picture(reader, "unsubscribe")
    reader.get_by_role("button", name="Stop the news about “").click()
    reader.get_by_text("Your signature still counts").wait_for()
    check_and_picture(reader, "unsubscribed")
    reader.get_by_role("button", name="Stop the news about everything I signed here").click()
    reader.get_by_text("It is done, for everything").wait_for()
    sender.goto(f"{stack.url}/desk/mailings/{number}")
    assert sender.locator(".tiles div", has_text="unsubscribed").locator("dd").inner_text() == "1"
    click_and_wait(sender.get_by_role("link", name="All recipients"))
    check_and_picture(sender, "recipients")
    sender.fill("#address", "S4@example.org")
    sender.get_by_role("button", name="Find").click()
    sender.get_by_role("link", name="Signataire E.").click()
    sender.get_by_text("this news").wait_for()
    check_and_picture(sender, "recipient")
    sender.goto(stack.url + "/desk/mailings/")
    check_and_picture(sender, "list")
