"""Replies by people: a request to unsubscribe in a few words is understood, others are forwarded to the team."""

import email
from email.policy import compat32

import pytest

from petition.core.db import db
from petition.delivery.bounces import processing
from petition.delivery.bounces.models import Bounce
from petition.delivery.bounces.processing import process_message
from petition.delivery.bounces.replies import is_reply, wants_to_unsubscribe
from petition.delivery.composers import message_id, return_path, unsubscribe_address
from petition.delivery.models import Delivery
from petition.delivery.outbox import OutboxEntry, enqueue
from petition.delivery.queues import NOTIFICATIONS
from petition.delivery.worker import run_queue
from petition.signatures.models import Signature

QUOTED = "\n\nLe ven. 27 nov. 2026 à 10:00, Les amis <petition@example.org> a écrit :\n> Bonjour,\n> stop ou encore\n"


SENDER, SUBJECT = "Zoé <zoe@example.org>", "Re: Nous avançons"


def make_reply(text, to="petition@example.org", sender=SENDER, subject=SUBJECT, headers=""):
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n{headers}MIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}"
    ).encode()


def answering(delivery):
    return f"In-Reply-To: {message_id(delivery.id)}\r\n"


@pytest.fixture
def team(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_REPLIES_TO", "L’équipe <equipe@jardin.example>")


def gets_updates():
    db.session.expire_all()
    return db.session.query(Signature).one().updates


@pytest.mark.parametrize(
    "text",
    [
        "désinscrire", "STOP", "Stop.", "unsubscribe", "Désinscrivez-moi svp", "Merci de me désabonner",
        "Bonjour,\n\nveuillez me désinscrire de cette liste.\n\nMerci", "please remove me from your list",
        "stop\n\nEnvoyé de mon iPhone", "Stop" + QUOTED, "Je souhaite me désinscrire\n-- \nZoé, présidente",
        "unsubscribe\n\nOn Fri, Nov 27, 2026 at 10:00 AM Les amis <p@example.org> wrote:\n> text",
        "Bonjour, merci de me désinscrire. Cordialement, Jean Dupont", "Supprimez-moi de vos listes", "remove",
        "Je ne souhaite plus recevoir vos mails", "Je ne veux plus recevoir de mails de votre part",
        "no more emails please",
        "Ne m’envoyez plus rien", "Plus de mails svp", "Take me off this list", "Arrêtez de m'écrire",
        "Supprimez mon adresse mail svp", "Merci de me retirer de votre liste",
    ],
)  # fmt: skip
def test_short_reply_that_asks_so_is_understood(app, text):
    assert wants_to_unsubscribe(email.message_from_bytes(make_reply(text), policy=compat32))


@pytest.mark.parametrize(
    "text",
    [
        "Stop aux prisons !", "Merci, continuez" + QUOTED, "Ne me désinscrivez pas", "don't stop", "Bravo" + QUOTED,
        "Comment se désinscrire si je change d’avis un jour ? Je reste pour l’instant avec vous.", "",
        "stop " * 40, "Please stop the expulsions", "Plus de prison", "plus de mails pour les détenus",
        "supprimez mon nom de la liste publique", "remove the law", "Retirez ce texte", "Je ne veux plus voir cela",
        "Ne m’envoyez plus de mails en anglais", "Cordialement, Jean",
    ],
)  # fmt: skip
def test_other_replies_are_no_request(app, text):
    assert not wants_to_unsubscribe(email.message_from_bytes(make_reply(text), policy=compat32))


@pytest.mark.parametrize(
    "make",
    [
        lambda d: make_reply("stop", to=return_path(d.id)),
        lambda d: make_reply("stop", headers=answering(d)),
        lambda d: make_reply("stop", headers=answering(d), sender="ZOE@example.org"),
        lambda d: make_reply("whatever", to=unsubscribe_address(d.id)),
        lambda d: make_reply("", headers=answering(d), subject="désinscription"),
    ],
)
def test_request_unsubscribes_where_it_is_proved_who_asks(delivery, team, make):
    assert process_message(make(delivery), "imap").kind == "unsubscribe"
    assert not gets_updates()


def test_request_of_somebody_else_unsubscribes_nobody_and_is_forwarded(delivery, team):
    forged = make_reply("stop", headers=answering(delivery), sender="eve@example.org")
    unknown = make_reply("stop", headers="In-Reply-To: <d1.0123456789abcdef@example.org>\r\n")
    assert [process_message(raw, "imap").kind for raw in (forged, unknown)] == ["reply", "reply"]
    assert gets_updates()


@pytest.mark.parametrize(
    "headers",
    [
        "Auto-Submitted: auto-replied\r\n",
        "Precedence: bulk\r\n",
        "X-Spam-Flag: YES\r\n",
        "List-Id: <list.example.org>\r\n",
        "X-Mailer: vacation\r\n",
    ],
)
def test_machines_lists_and_spam_count_as_nobodys_reply(delivery, team, headers):
    kind = process_message(make_reply("stop", headers=answering(delivery) + headers), "imap").kind
    assert kind in ("delayed", "not_understood")
    assert gets_updates()
    assert db.session.query(Delivery).filter_by(kind="forwarded_reply").count() == 0


@pytest.mark.parametrize(
    ("sender", "subject"),
    [
        ("Mailinblack <noreply@mailinblack.com>", "Authentification requise"),
        ("zoe@example.org", "Votre message est en attente : authentifiez-vous"),
        ("zoe@example.org", "Please verify that you are a real person"),
    ],
)
def test_challenge_is_no_reply_and_no_bounce(delivery, team, sender, subject):
    raw = make_reply("Cliquez ici. Stop.", sender=sender, subject=subject, to=return_path(delivery.id))
    assert process_message(raw, "imap").kind == "delayed"
    assert gets_updates()


def test_reply_is_forwarded_once_to_the_team_who_can_answer(delivery, team, sent_emails):
    raw = make_reply("Bravo <b>à vous</b> !" + QUOTED, subject="=?utf-8?q?Re=3A_Nous_avan=C3=A7ons?=")
    assert [process_message(raw, "imap").kind for _ in range(2)] == ["reply", "reply"]
    db.session.commit()
    assert run_queue("notifications") == 1
    (forwarded,) = sent_emails
    assert (forwarded.recipients, forwarded.reply_to) == (["equipe@jardin.example"], "zoe@example.org")
    assert forwarded.subject == "Fwd: Re: Nous avançons"
    assert "Zoé <zoe@example.org> a répondu" in forwarded.body
    assert "Bravo <b>à vous</b> !" in forwarded.body
    assert "&lt;b&gt;" in forwarded.html
    assert forwarded.as_bytes()


def test_without_the_setting_a_reply_is_shown_to_operators(delivery):
    assert process_message(make_reply("Bravo"), "imap").kind == "not_understood"
    assert db.session.query(Bounce).one().raw


def test_number_forwarded_in_a_day_is_bounded(delivery, team, monkeypatch):
    monkeypatch.setattr(processing, "MAX_FORWARDED_A_DAY", 2)
    kinds = [process_message(make_reply(f"Bravo {n}"), "imap").kind for n in range(4)]
    assert kinds == ["reply", "reply", "not_understood", "not_understood"]


def test_what_we_sent_ourselves_is_no_reply(app):
    assert not is_reply(email.message_from_bytes(make_reply("x", sender="petition@example.org"), policy=compat32))
    assert not is_reply(email.message_from_bytes(b"not an email", policy=compat32))


def test_reply_whose_text_was_deleted_is_not_forwarded(delivery, team, sent_emails):
    enqueue("forwarded_reply", NOTIFICATIONS, [OutboxEntry(petition_id=0, subject_id=999, generation=0)])
    db.session.commit()
    run_queue("notifications")
    assert sent_emails == []
