"""The team's list of campaigns and the editor of a petition."""

import html
import re
import threading

import pytest
from support.factories import make_petition, make_signature, post_form, sign_in
from werkzeug.datastructures import MultiDict
from werkzeug.serving import make_server

from petition.core import clock
from petition.core.db import db
from petition.petitions import lifecycle
from petition.petitions.counters import get_count
from petition.petitions.editing import edit_form
from petition.petitions.editing.edit_form import find_missing
from petition.petitions.models import Petition, PetitionImage
from petition.signatures.confirm import confirm_signature
from petition.team.models import AuditEvent

LETTER_FORM = {
    "kind": "open_letter",
    "slug": "lettre",
    "default_language": "fr",
    "sender_name": "Les amis",
    "reply_to": "amis@example.org",
    "opens": "",
    "closes": "",
    "timezone": "Europe/Paris",
    "asks": ["profession", "city"],
    "listing": "opt_in",
    "organisations": "on",
    "milestones": "100, 2 500",
    "fr.title": "Une lettre",
    "fr.summary": "Deux\r\nlignes.",
    "fr.addressee": "la maire",
    "fr.body": "Madame,\r\n\r\n## Pourquoi\r\n\r\nParce que.",
    "fr.professions": "Juge\r\nAvocate",
}


@pytest.fixture(autouse=True)
def campaigner(client):
    return sign_in(client, "campaigner")


def form_fields(page):
    """Return the fields of the form on a page, as a browser would send them back."""
    fields = MultiDict()
    body = page[page.index('<form class="petition"') :] if '<form class="petition"' in page else page
    body = body[: body.index("</form>")]
    for tag in re.findall(r"<input [^>]*>", body):
        name, kind = re.search(r'name="([^"]+)"', tag), re.search(r'type="(\w+)', tag)[1]
        value = re.search(r'value="([^"]*)"', tag)
        if name and (kind not in ("radio", "checkbox") or " checked" in tag):
            fields.add(name[1], html.unescape(value[1]) if value else "on")
    for name, value in re.findall(r'<textarea [^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', body, re.S):
        fields.add(name, html.unescape(value))
    fields.poplist("csrf_token")
    return {name: values if name == "asks" else values[0] for name, values in fields.lists()}


def submit_edit(client, at="jardin", /, **fields):
    """Open the form, type, and send it."""
    path = f"/desk/petitions/{at}/edit?lang=en"
    return post_form(client, path, **form_fields(client.get(path).text) | fields)


def actions():
    return [event.action for event in db.session.query(AuditEvent).order_by(AuditEvent.id)]


def reload_petition(slug="jardin"):
    db.session.expire_all()
    return db.session.query(Petition).filter_by(slug=slug).one()


def test_empty_list_links_to_the_form(client):
    page = client.get("/desk/petitions?lang=en").text
    assert "There is no campaign yet" in page
    assert 'href="/desk/petitions/new"' in page
    assert 'aria-current="page">Campaigns' in page


def test_list_shows_every_state_and_exact_counts(client):
    petition = make_petition()
    confirm_signature(make_signature(petition))
    make_petition(slug="brouillon", state="draft")
    make_petition(slug="rangee", state="archived")
    db.session.commit()
    page = client.get("/desk/petitions?lang=en").text
    assert re.search(r'jardin.*?state-open.*?data-label="Online">1</td>', page, re.S)
    assert "1 archived campaign" in page


def test_letter_is_saved_as_a_draft(client):
    answer = post_form(client, "/desk/petitions/new", **LETTER_FORM)
    assert answer.headers["Location"] == "/desk/petitions/lettre"
    petition = reload_petition("lettre")
    assert (petition.state, petition.kind, petition.milestones, petition.asks) == (
        "draft", "open_letter", [100, 2500], ["profession", "city"],
    )  # fmt: skip
    text = petition.texts["fr"]
    assert (text.summary, text.professions) == ("Deux lignes.", ["Juge", "Avocate"])
    assert text.body == "Madame,\n\n## Pourquoi\n\nParce que."
    assert list(petition.texts) == ["fr"]
    assert actions() == ["petition.created"]
    assert client.get("/p/lettre").status_code == 404


def test_footnotes_are_refused_with_their_line_and_the_text_is_kept(client):
    body = "Madame,\n\nParce que[^1].\n\n[^1]: Un rapport."
    answer = post_form(client, "/desk/petitions/new?lang=en", **LETTER_FORM | {"fr.body": body})
    assert answer.status_code == 422
    assert "line 3: there are no footnotes here" in answer.text
    assert form_fields(answer.text)["fr.body"] == body


@pytest.mark.parametrize("state", ["draft", "open", "closed"])
def test_a_form_without_any_text_says_what_is_missing(client, state):
    petition = make_petition()
    petition.state = state
    db.session.commit()
    texts = {name: "" for name in form_fields(client.get("/desk/petitions/jardin/edit").text) if "." in name}
    answer = submit_edit(client, **texts)
    assert answer.status_code == 422
    missing = "fr.title" if state == "draft" else "default_language"
    assert set(re.findall(r'<li><a href="#([\w.]+)">', answer.text)) == {missing}
    assert reload_petition().texts["fr"].title


def test_errors_are_shown_by_field_and_values_are_kept(client):
    make_petition()
    wrong = LETTER_FORM | {
        "slug": "Le Jardin", "sender_name": "", "reply_to": "nobody", "closes": "2026-02-01T10:00",
        "opens": "2026-03-01T10:00", "timezone": "Paris", "milestones": "lots", "en.title": "A letter",
        "fr.body": "x\0", "default_language": "en",
    }  # fmt: skip
    answer = post_form(client, "/desk/petitions/new?lang=en", **wrong)
    assert answer.status_code == 422
    fields = set(re.findall(r'<li><a href="#([\w.]+)">', answer.text))
    assert fields == {
        "slug", "sender_name", "reply_to", "closes", "timezone", "milestones", "fr.body", "en.summary", "en.addressee",
        "en.body",
    }  # fmt: skip
    typed = form_fields(answer.text)
    assert {name: typed[name] for name in ("slug", "milestones", "timezone", "en.title", "asks")} == {
        name: wrong[name] for name in ("slug", "milestones", "timezone", "en.title", "asks")
    }
    for slug in ("jardin", "new"):
        assert post_form(client, "/desk/petitions/new", **LETTER_FORM | {"slug": slug}).status_code == 422
    assert db.session.query(Petition).count() == 1
    assert post_form(client, "/desk/petitions/new").status_code == 422


@pytest.mark.parametrize(
    ("field", "value"),
    [("kind", ""), ("kind", "poem"), ("asks", "shoe_size"), ("opens", "0001-01-01T00:00"),
     ("closes", "9999-12-31T23:59"),
     ("milestones", "0"), ("milestones", "9" * 30), ("sender_name", "a\0"), ("reply_to", "a\0@example.org"),
     ("fr.title", "a\u2028b"), ("fr.professions", "x" * 121), ("timezone", "\0"), ("listing", "all")],
)  # fmt: skip
def test_invalid_values_are_refused(client, field, value):
    answer = post_form(client, "/desk/petitions/new", **LETTER_FORM | {field: value})
    assert answer.status_code == 422
    assert db.session.query(Petition).count() == 0


def test_saving_an_unchanged_form_changes_nothing(client):
    petition = make_petition(sender_name="Les «\u202famis\u202f»")
    petition.texts["fr"].summary = "Quelque 72\u202f000 personnes"
    petition.texts["fr"].professions = ["Juge\u00a0: assesseur"]
    db.session.commit()
    before = edit_form.values_from_petition(reload_petition())
    assert submit_edit(client).status_code == 303
    assert edit_form.values_from_petition(reload_petition()) == before
    assert reload_petition().version == 1
    assert actions() == []


def test_draft_is_saved_at_once_and_public_petition_after_a_review(client):
    petition = make_petition(state="draft")
    assert submit_edit(client, **{"fr.title": "Un grand jardin", "slug": "grand-jardin"}).status_code == 303
    assert reload_petition("grand-jardin").version == 2
    lifecycle.open_(reload_petition("grand-jardin"))
    confirm_signature(make_signature(petition))
    db.session.commit()
    review = submit_edit(client, "grand-jardin", **{"fr.body": "Un autre texte.", "closes": "2099-01-01T12:00"})
    assert review.status_code == 200
    assert reload_petition("grand-jardin").texts["fr"].body == "Un texte."
    page = review.text
    assert "<ins>Un autre texte.</ins>" in page
    assert "agreed to the present text" in page
    assert "2 changes" in page
    carried = page[page.index('<form class="wide-form"') :]
    answer = post_form(client, "/desk/petitions/grand-jardin/edit", **form_fields(carried), confirm="1")
    assert answer.status_code == 303
    assert reload_petition("grand-jardin").texts["fr"].body == "Un autre texte."
    assert reload_petition("grand-jardin").closes_at.isoformat() == "2099-01-01T11:00:00+00:00"
    event = db.session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
    assert set(event.after) == {"closes", "fr.body"}


def test_a_petition_says_after_how_many_months_names_are_erased(client):
    make_petition()
    refused = submit_edit(client, retention_months="forever")
    assert refused.status_code == 422
    assert form_fields(refused.text)["retention_months"] == "forever"
    page = submit_edit(client, retention_months="6")
    carried = page.text[page.text.index('<form class="wide-form"') :]
    assert post_form(client, "/desk/petitions/jardin/edit", **form_fields(carried), confirm="1").status_code == 303
    assert reload_petition().retention_months == 6
    public = client.get("/p/jardin?lang=en").text
    assert "your name, address and town are erased: 6 months after it closes" in public


def test_the_team_lets_names_wait_for_a_number(client):
    make_petition()
    assert "Give a whole number, 5 at least." in submit_edit(client, named_total="4").text
    assert "Ask for the profession" in submit_edit(client, named_profession="50", asks="city").text
    assert "There is no list" in submit_edit(client, named_total="50", listing="none").text
    page = submit_edit(client, named_total="100", named_profession="50", team_sees_withheld="on")
    carried = page.text[page.text.index('<form class="wide-form"') :]
    assert post_form(client, "/desk/petitions/jardin/edit", **form_fields(carried), confirm="1").status_code == 303
    petition = reload_petition()
    assert (petition.named_total, petition.named_profession, petition.team_sees_withheld) == (100, 50, True)


def test_the_list_is_shown_to_search_engines_on_request(client):
    make_petition()
    page = submit_edit(client, list_indexed="on")
    assert page.status_code == 200
    assert "may find it in the list" in page.text or "peut mener à la liste" in page.text, "reviewed before it is saved"
    assert reload_petition().list_indexed is False
    carried = page.text[page.text.index('<form class="wide-form"') :]
    assert post_form(client, "/desk/petitions/jardin/edit", **form_fields(carried), confirm="1").status_code == 303
    assert reload_petition().list_indexed is True
    page = client.get("/desk/petitions/jardin/edit").text
    assert form_fields(page)["list_indexed"] == "on"


def test_slug_of_a_public_petition_cannot_change(client):
    make_petition()
    fields = form_fields(client.get("/desk/petitions/jardin/edit").text) | {"slug": "autre"}
    assert post_form(client, "/desk/petitions/jardin/edit", **fields).status_code == 422
    assert reload_petition().slug == "jardin"


def test_longest_text_in_two_languages_is_accepted(client):
    long = "é" * 99_990
    make_petition(state="draft")
    assert submit_edit(client, **{"fr.body": long, "en.body": long}).status_code == 303
    assert reload_petition().texts["en"].body == long
    assert submit_edit(client, **{"fr.body": long + "é" * 20}).status_code == 422


def test_changes_of_two_editors_are_merged_on_request(client):
    make_petition(state="draft")
    hers = form_fields(client.get("/desk/petitions/jardin/edit").text)
    assert submit_edit(client, **{"fr.title": "Le titre d’Alix", "milestones": "10"}).status_code == 303
    answer = post_form(
        client, "/desk/petitions/jardin/edit?lang=en", **hers | {"fr.title": "Mon titre", "en.title": "My title"}
    )
    assert answer.status_code == 409
    assert reload_petition().texts["fr"].title == "Le titre d’Alix"
    for text in ("Somebody changed", "<del>Mon titre</del>", "<ins>Le titre d’Alix</ins>", "<ins>10</ins>"):
        assert text in answer.text, text
    assert "You both changed: Title, in Français" in answer.text
    typed = form_fields(answer.text)
    assert (typed["fr.title"], typed["en.title"], typed["milestones"]) == ("Mon titre", "My title", "100, 250")
    # Without a choice nothing is saved, however often it is sent.
    assert post_form(client, "/desk/petitions/jardin/edit", **typed).status_code == 409
    again = post_form(client, "/desk/petitions/jardin/edit", **typed, preview="1")
    assert 'value="together"' in again.text
    assert post_form(client, "/desk/petitions/jardin/edit", **typed, resolve="together").status_code == 303
    petition = reload_petition()
    assert (petition.texts["fr"].title, petition.texts["en"].title) == ("Mon titre", "My title")
    assert petition.milestones == [10], "a field that she did not change is theirs"


def test_overwriting_another_editor_needs_a_choice(client):
    make_petition(state="draft")
    hers = form_fields(client.get("/desk/petitions/jardin/edit").text)
    submit_edit(client, milestones="10")
    typed = form_fields(post_form(client, "/desk/petitions/jardin/edit", **hers | {"fr.title": "Mon titre"}).text)
    submit_edit(client, milestones="20")  # a third editor saves in between
    assert post_form(client, "/desk/petitions/jardin/edit", **typed, resolve="mine").status_code == 409
    typed = form_fields(post_form(client, "/desk/petitions/jardin/edit", **typed).text)
    assert post_form(client, "/desk/petitions/jardin/edit", **typed, resolve="mine").status_code == 303
    assert reload_petition().milestones == [100, 250]


def test_draft_opened_meanwhile_is_reviewed_before_saving(client):
    make_petition(state="draft")
    hers = form_fields(client.get("/desk/petitions/jardin/edit").text)
    lifecycle.open_(reload_petition())
    db.session.commit()
    answer = post_form(client, "/desk/petitions/jardin/edit?lang=en", **hers | {"fr.title": "Mon titre"})
    assert answer.status_code == 409
    assert "It is open now" in answer.text
    assert post_form(client, "/desk/petitions/jardin/edit", **form_fields(answer.text)).status_code == 200, (
        "shown first"
    )
    assert reload_petition().texts["fr"].title == "Pour un jardin"
    assert post_form(client, "/desk/petitions/jardin/edit", **form_fields(answer.text), confirm="on").status_code == 303
    assert reload_petition().texts["fr"].title == "Mon titre"
    assert reload_petition().opens_at, "the date of its opening is not taken back"


def test_invalid_version_or_digests_save_nothing(client):
    make_petition(state="draft")
    fields = form_fields(client.get("/desk/petitions/jardin/edit").text) | {"fr.title": "Gardé"}
    for base in ("", "[]", "{", "[" * 5000, '{"fr.title": 3}'):
        answer = post_form(client, "/desk/petitions/jardin/edit", **fields | {"base": base, "version": "x"})
        assert answer.status_code == 409
        assert "Gardé" in answer.text
    assert reload_petition().texts["fr"].title == "Pour un jardin"


def test_preview_renders_like_the_public_page(client):
    fields = {"language": "fr", "fr.title": "Titre <b>", "fr.body": "## Deux\n\n<script>x</script> **fort**"}
    page = post_form(client, "/desk/petitions/preview?lang=en", **fields).text
    assert "<h2>Deux</h2>" in page
    assert "<strong>fort</strong>" in page
    assert "<script>" not in page
    assert "Titre &lt;b&gt;" in page
    assert post_form(client, "/desk/petitions/preview", language="de").status_code == 400
    button = post_form(client, "/desk/petitions/new", **LETTER_FORM, preview="1")
    assert "<h2>Pourquoi</h2>" in button.text
    assert db.session.query(Petition).count() == 0


def test_archived_petition_cannot_be_saved(client):
    make_petition(state="archived")
    assert submit_edit(client, **{"fr.title": "Autre"}).status_code == 422
    assert reload_petition().texts["fr"].title == "Pour un jardin"


@pytest.mark.parametrize("end", ["none", "%00", "jardin/state/explode"])
def test_unknown_addresses_answer_404(client, end):
    make_petition()
    path = f"/desk/petitions/{end}" if "/" in end else f"/desk/petitions/{end}/edit"
    assert client.get(path).status_code == 404
    assert post_form(client, path).status_code == 404


@pytest.fixture
def live_server(app, client):
    """Serve the application to a browser; return its address and the cookie of who is signed in."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}", client.get_cookie("team").value
    server.shutdown()
    thread.join()


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_preview_follows_typing_or_the_button(live_server, chromium, scripts):
    make_petition(state="draft")
    address, cookie = live_server
    context = chromium.new_context(java_script_enabled=scripts, locale="en")
    context.add_cookies([{"name": "team", "value": cookie, "url": address}])
    page = context.new_page()
    page.goto(f"{address}/desk/petitions/jardin/edit")
    page.fill("[name='en.body']", "## Why\n\nBecause.")
    if not scripts:
        page.click("form >> button >> text=Preview")
    heading = page.locator("[data-language=en] .letter h2")
    heading.wait_for()
    assert heading.inner_text() == "Why"
    assert page.input_value("[name='en.body']") == "## Why\n\nBecause."
    assert page.locator("[data-language=fr] .letter").inner_text() == "Un texte."
    context.close()


def test_draft_may_be_unfinished_and_its_address_is_made_of_the_title(client):
    make_petition(slug="une-oeuvre-a-soi")
    form = LETTER_FORM | {"slug": "", "sender_name": "", "fr.title": "Une Œuvre à soi", "fr.summary": "", "fr.body": ""}
    answer = post_form(client, "/desk/petitions/new", **form)
    assert answer.headers["Location"] == "/desk/petitions/une-oeuvre-a-soi-2"
    overview = client.get("/desk/petitions/une-oeuvre-a-soi-2?lang=en").text
    assert "Still missing: Summary, in Français, Text, in Français, Published by." in overview
    assert client.get("/desk/petitions/une-oeuvre-a-soi-2/preview").status_code == 200


def test_unfinished_draft_is_not_opened(client):
    make_petition(state="draft", texts={"fr": {"title": "Pour un jardin", "summary": "", "addressee": ""}})
    asked = client.get("/desk/petitions/jardin/state/open?lang=en").text
    assert 'href="/desk/petitions/jardin/edit#fr.summary"' in asked
    answer = post_form(client, "/desk/petitions/jardin/state/open", version="1")
    assert answer.status_code == 422
    assert reload_petition().state == "draft"


def test_draft_that_opens_by_itself_and_a_public_petition_are_complete(client):
    unfinished = LETTER_FORM | {"fr.summary": ""}
    assert post_form(client, "/desk/petitions/new", **unfinished | {"opens": "2030-01-01T10:00"}).status_code == 422
    make_petition()
    assert submit_edit(client, **{"fr.summary": ""}).status_code == 422


def test_draft_needs_a_title(client):
    answer = post_form(client, "/desk/petitions/new?lang=en", **LETTER_FORM | {"fr.title": ""})
    assert answer.status_code == 422
    assert "Give it a title" in answer.text


def test_what_will_vanish_is_said_with_its_line(client):
    body = "Madame,\n\n![un plan](https://example.org/plan.png)\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    page = post_form(client, "/desk/petitions/new?lang=en", **LETTER_FORM | {"fr.body": body, "preview": "1"}).text
    assert "line 3: this image is not shown" in page
    assert "<table>" in page, "a table is shown, and no warning says otherwise"
    assert "line 5" not in page


def test_own_words_are_previewed_reviewed_and_shown(client):
    petition = make_petition()
    words = {
        "fr.email_intro": "Merci de vous joindre à nous.\n\nÀ bientôt.",
        "fr.thanks": "Venez à la [fête](https://example.org/fete).",
        "fr.consent": "Les amis du jardin peuvent m’écrire.",
    }
    preview = submit_edit(client, preview="1", **words).text
    assert "<p>Merci de vous joindre à nous.</p><p>À bientôt.</p>" in preview
    assert "☐ Les amis du jardin peuvent m’écrire. Every message has a link" in preview
    review = submit_edit(client, **words).text
    assert "agree to the new wording" in review
    carried = review[review.index('<form class="wide-form"') :]
    assert post_form(client, "/desk/petitions/jardin/edit", **form_fields(carried), confirm="1").status_code == 303
    assert reload_petition().texts["fr"].consent_version == petition.version
    assert '<a href="https://example.org/fete"' in client.get("/p/jardin/thank-you?lang=fr").text
    assert "fete" not in client.get("/p/jardin/thank-you?lang=en").text
    email = client.get("/desk/petitions/jardin/preview/confirm_signature?lang=fr").text
    assert email.index("Merci de vous joindre") < email.index("Confirmer ma signature")
    assert "fete" in client.get("/desk/petitions/jardin/preview/thanks?lang=fr").text


def test_a_petition_is_duplicated_as_a_draft_without_its_signatures(client):
    petition = make_petition(slug="x" * 80, won_at=clock.now(), milestones=[7], version=5)
    petition.texts["fr"].consent, petition.texts["fr"].consent_version = "Oui, Les amis du jardin", 4
    db.session.add(PetitionImage(petition_id=petition.id, name="a" * 20 + "-1x1.png", alt="A", content=b"x"))
    make_petition(slug="other")
    confirm_signature(make_signature(petition))
    petition.closes_at = clock.now()
    db.session.commit()
    answer = post_form(client, f"/desk/petitions/{petition.slug}/duplicate")
    assert answer.status_code == 303
    copy = db.session.query(Petition).order_by(Petition.id.desc()).first()
    assert answer.headers["Location"] == f"/desk/petitions/{copy.slug}/edit"
    assert (copy.state_now, copy.won_at, copy.closes_at, copy.version) == ("draft", None, None, 1)
    left, right = edit_form.values_from_petition(petition), edit_form.values_from_petition(copy)
    assert {name for name in left if left[name] != right[name]} == {"slug", "closes"}
    assert copy.texts["fr"].consent_version == 1
    assert get_count(copy).total == 0
    assert db.session.query(PetitionImage).filter_by(petition_id=copy.id).count() == 1
    assert actions() == ["petition.duplicated"]
    assert find_missing(copy) == []


def test_sites_that_may_embed_are_edited_as_addresses_and_kept_as_origins(client):
    make_petition(state="draft")
    refused = submit_edit(client, embed_origins="https://blog.example\r\n*.example.org")
    assert refused.status_code == 422
    assert form_fields(refused.text)["embed_origins"] == "https://blog.example\n*.example.org"
    assert submit_edit(client, embed_origins="blog.example/page\r\n\r\nhttps://www.example.org").status_code == 303
    assert reload_petition().embed_origins == ["https://blog.example", "https://www.example.org"]
    page = client.get("/desk/petitions/jardin/edit").text
    assert form_fields(page)["embed_origins"] == "https://blog.example\nhttps://www.example.org"
    assert submit_edit(client, **form_fields(page)).status_code == 303
    assert reload_petition().embed_origins == ["https://blog.example", "https://www.example.org"]


def test_a_change_of_the_sites_of_a_public_petition_is_shown_before_it_is_saved(client):
    make_petition(embed_origins=["https://blog.example"])
    page = submit_edit(client, "jardin", embed_origins="").text
    assert "No other site shows the form any more" in page or "Plus aucun autre site" in page
    carried = page[page.index('<form class="wide-form"') :]
    assert post_form(client, "/desk/petitions/jardin/edit", **form_fields(carried), confirm="1").status_code == 303
    assert reload_petition().embed_origins == []


def test_words_to_pass_it_on_with_are_one_line(client):
    make_petition(state="draft")
    assert submit_edit(client, **{"fr.share_text": "é" * 241}).status_code == 422
    assert submit_edit(client, **{"fr.share_text": "Signez\r\navec moi"}).status_code == 303
    assert reload_petition().texts["fr"].share_text == "Signez avec moi"


def test_the_page_on_embedding_has_lines_to_copy_and_says_which_sites(client):
    make_petition()
    page = client.get("/desk/petitions/jardin/embed?lang=en&language=en").text
    assert "No site may embed it yet" in page
    assert "&lt;petition-form slug=&#34;jardin&#34; lang=&#34;en&#34;&gt;" in page
    assert "http://localhost/embed.js" in page
    assert 'src="/desk/petitions/jardin/preview/embed?lang=en"' in page
    frame = client.get("/desk/petitions/jardin/preview/embed?lang=en")
    assert 'class="framed"' in frame.text
    assert "form-action 'none'" in frame.headers["Content-Security-Policy"]
    db.session.get(Petition, 1).embed_origins = ["https://blog.example"]
    db.session.commit()
    assert "<code>https://blog.example</code>" in client.get("/desk/petitions/jardin/embed").text


def test_languages_without_a_text_are_folded_and_unfold_for_what_is_in_them(client):
    def list_open(page):
        return re.findall(r'<details open>\s*<summary><h2 id="(\w+)"', page.text)

    assert list_open(client.get("/desk/petitions/new")) == ["fr"]
    make_petition()
    assert list_open(client.get("/desk/petitions/jardin/edit")) == ["fr", "en"]
    footnote = {"es.body": "Una nota[^1].\n\n[^1]: Al pie."}
    wrong = post_form(client, "/desk/petitions/new?lang=en", **LETTER_FORM | footnote)
    assert (wrong.status_code, list_open(wrong)) == (422, ["fr", "es"])


@pytest.mark.parametrize("language", ["fr", "en", "es"])
def test_a_new_petition_is_in_the_language_that_its_author_works_in(client, language):
    page = client.get(f"/desk/petitions/new?lang={language}").text
    assert re.findall(r'name="default_language" value="(\w+)"[^>]* checked', page) == [language]
    assert re.findall(r'<details open>\s*<summary><h2 id="(\w+)"', page) == [language]


def test_a_petition_written_in_one_language_is_not_asked_for_another(client):
    only = {name: value for name, value in LETTER_FORM.items() if not name.startswith("fr.")} | {"es.title": "Carta"}
    answer = post_form(client, "/desk/petitions/new?lang=en", **only)
    assert answer.status_code == 303
    assert db.session.query(Petition).one().default_language == "es"
    wrong = post_form(client, "/desk/petitions/new?lang=en", **only | {"slug": "otra", "opens": "2026-12-01T10:00"})
    fields = set(re.findall(r'<li><a href="#([\w.]+)">', wrong.text))
    assert fields == {"es.summary", "es.addressee", "es.body"}


def test_each_page_of_a_campaign_says_where_it_is(client):
    make_petition()

    def list_crumbs(path):
        crumbs = re.search(r'<nav class="crumbs".*?</nav>', client.get(f"{path}?lang=en").text, re.DOTALL)[0]
        parts = re.findall(r"<li.*?</li>", crumbs, re.DOTALL)
        return [re.sub(r"<[^>]+>", "", part).strip() for part in parts], 'aria-current="page"' in parts[-1]

    title = reload_petition().texts["en"].title
    assert list_crumbs("/desk/petitions/jardin") == (["Campaigns", title], True)
    assert list_crumbs("/desk/petitions/jardin/edit") == (["Campaigns", title, "Text and settings"], True)
    assert list_crumbs("/desk/petitions/jardin/paper") == (["Campaigns", title, "On paper"], True)
    assert list_crumbs("/desk/petitions/jardin/state/close") == (["Campaigns", title], False)
