"""Placeholders reach the listed values only, and what signers typed is always escaped."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.factories import make_petition
from support.mailings import make_consenting_signature, make_french_texts, send_mailing

from petition.core.db import db
from petition.core.exceptions import DomainError
from petition.delivery.rendering.templates import SLOT_MARKER
from petition.mailings import public_archive
from petition.mailings.content.placeholders import PLACEHOLDERS, expand, validate_placeholders
from petition.mailings.content.rendering import validate_links_and_nesting
from petition.mailings.drafting.drafts import parse_draft

SANDBOX_ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ name.__class__ }}",
    "{{ name['__class__'] }}",
    "{{ name|attr('__class__') }}",
    "{{ ()|attr('__cl'~'ass__') }}",
    "{{ name|upper }}",
    "{{ name|map('upper') }}",
    "{{ name|safe }}",
    "{{ name|default(city) }}",
    "{{ name|default(config) }}",
    "{{ name|default(default_value='x') }}",
    "{{ name|default(*[1]) }}",
    "{{ name|default(**{}) }}",
    "{{ name|default('x', true) }}",
    "{{ 'x'|default('y') }}",
    "{{ cycler }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ lipsum() }}",
    "{{ namespace() }}",
    "{{ dict(a=1) }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ request.application }}",
    "{{ request }}",
    "{{ config }}",
    "{{ config.SECRET_KEY }}",
    "{{ g }}",
    "{{ session }}",
    "{{ url_for('x') }}",
    "{{ get_flashed_messages() }}",
    "{{ _('x') }}",
    "{{ gettext('x') }}",
    "{{ email }}",
    "{{ agreed_on }}",
    "{{ unsubscribe_link }}",
    "{{ loop }}",
    "{{ caller() }}",
    "{{ varargs }}",
    "{{ name.format(1) }}",
    "{{ '%s' % name }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '%99999999d' % 1 }}",
    "{{ 'x' * 99999999 }}",
    "{{ name * 9 }}",
    "{{ name + city }}",
    "{{ name ~ city }}",
    "{{ 9 ** 9999 }}",
    "{{ 1 }}",
    "{{ 1e999 }}",
    "{{ true }}",
    "{{ none }}",
    "{{ range(999999999) }}",
    "{{ range(9)|list }}",
    "{{ [1, 2] }}",
    "{{ (1, 2) }}",
    "{{ {'a': 1} }}",
    "{{ name[0] }}",
    "{{ name[::2] }}",
    "{{ name[:1] }}",
    "{{ name == city }}",
    "{{ name in city }}",
    "{{ name is defined }}",
    "{{ name if city else 'x' }}",
    "{{ -name }}",
    "{{ name() }}",
    "{% for c in name %}{{ c }}{% endfor %}",
    "{% for c in range(9999999) %}x{% endfor %}",
    "{% set x = name %}",
    "{% set name = 'x' %}",
    "{% set x %}y{% endset %}",
    "{% include 'emails/layout.html' %}",
    "{% import 'emails/macros.html' as m %}",
    "{% from 'emails/macros.html' import button %}",
    "{% extends 'emails/layout.html' %}",
    "{% block x %}{% endblock %}",
    "{% macro x() %}{% endmacro %}",
    "{% call name() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape false %}x{% endautoescape %}",
    "{% autoescape false %}{{ nom }}{% endautoescape %}{{ nom }}",
    "{% with x = name %}{{ x }}{% endwith %}",
    "{% do name %}",
    "{% trans %}x{% endtrans %}",
    "{% debug %}",
    "{% if name.__class__ %}x{% endif %}",
    "{% if name %}x{% elif name.x %}y{% endif %}",
    "{% if name %}x",
    "{{ name",
    "{{",
    "{% %}",
    "{{ }}",
    "{# never closed",
    "{{ name|default('\\ud800') }}",
    "{{ name|default('\\x00') }}",
    "{{ '\\x1b' }}",
    "{{ " + "1" * 5000 + " }}",
    "{{ " + "(" * 500 + "name" + ")" * 500 + " }}",
    "{{ " + "not " * 500 + "name }}",
    "{{ name" + " and name" * 500 + " }}",
    "{% if name %}" * 100 + "x" + "{% endif %}" * 100,
    "{% if name %}x" + "{% elif name %}x" * 2000 + "{% endif %}",
    "{{ nom }}",
    "{{ Name }}",
]
VALID = [
    "no braces",
    "a { b } %} }}",
    *(f"{{{{ {name} }}}}" for name in PLACEHOLDERS),
    "{{name}}",
    "{{ profession|default('…') }}",
    '{{ city|default("a {{ b }}") }}',
    "{% if profession %}as {{ profession }}{% elif city %}in {{ city }}{% else %}there{% endif %}",
    "{% if not city and (name or profession) %}x{% endif %}",
    "{%- if name -%}x{%- endif -%}",
    "{% raw %}{{ config }}{% endraw %}",
    "{# a note #}",
]


@pytest.mark.parametrize("source", SANDBOX_ESCAPES, ids=range(len(SANDBOX_ESCAPES)))
def test_sandbox_escapes_are_errors_with_their_line(app, source):
    petition = make_petition()
    found = validate_placeholders(f"Bonjour,\n\n{source}")
    assert found
    assert {line for line, _ in found} <= ({1, 3} if len(source) > 500 else {3})
    form = {"petitions": [str(petition.id)], "name": "x", "sender_name": "y", "subject_fr": "s", "body_fr": "b"}
    for part in ("subject_fr", "preheader_fr", "body_fr") if len(source) < 200 else ("body_fr",):
        with pytest.raises(DomainError) as raised:
            parse_draft({**form, part: source})
        assert list(raised.value.errors) == [part]
        assert "1" in raised.value.errors[part]


@pytest.mark.parametrize("source", VALID)
def test_valid_placeholders_are_expanded(app, source):
    assert validate_placeholders(source) == []
    assert validate_links_and_nesting(source) == []
    expand(source, dict.fromkeys(PLACEHOLDERS, "x"))
    expand(source, {})


def test_each_error_has_its_line(app):
    found = validate_placeholders("a\n{{ nom }}\n\n{{ name }}\n{{ prenom }} {% for x in y %}{% endfor %}")
    assert [line for line, _ in found] == [2, 5, 5]


def test_values_are_not_expanded_again(app):
    values = {"name": "{{ city }}{% if %}", "city": "{{ name }}", "config": "secret"}
    assert expand("{{ name }} {{ city }}", values) == "{{ city }}{% if %} {{ name }}"
    assert expand("{{ profession|default('Juge') }}{% if profession %}x{% endif %}", values) == "Juge"


HOSTILE = [
    "{{ config }} {% for x in y %}",
    "%(name)s {0.__class__} %s ${x}",
    "**bold** _em_ [x](http://evil.example) `code`",
    "# Head\n\n- list\n\n> quote",
    "<script>alert(1)</script><img src=x onerror=y>",
    "\"><a href='javascript:alert(1)'>x</a>",
    "&lt;b&gt; &amp;",
    "javascript:alert(1)",
    "xq7z5z7qx",
    "https://xq7z8z7qx.invalid/",
]


@pytest.mark.parametrize("typed", HOSTILE)
def test_signer_values_are_always_escaped(app, sent_emails, typed):
    petition = make_petition()
    plain, hostile = (
        make_consenting_signature(petition, "a@example.org"),
        make_consenting_signature(petition, "b@example.org"),
    )
    for signature, value in ((plain, "Ana"), (hostile, typed)):
        signature.name = signature.profession = signature.city = value
    db.session.commit()
    body = "Bonjour {{ name }},\n\n{{ profession }} à **{{ city }}**\n\n[{{ name }}]({{ personal_link }}) {{ name }}"
    text = {"subject": "À {{ name }}", "preheader": "{{ city }}", "body": body}
    _, emails = send_mailing(petition, sent_emails, texts={"fr": text})
    ana, other = sorted(emails, key=lambda email: email.to)
    escaped = str(typed).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = escaped.replace('"', "&#34;").replace("'", "&#39;")
    like = without_links(ana.html.replace("a@example.org", "b@example.org")).replace("Ana", escaped)
    assert without_links(other.html) == like
    assert without_links(other.body) == without_links(ana.body.replace("a@example.org", "b@example.org")).replace(
        "Ana", typed
    )
    assert other.subject == " ".join(f"À {typed}".split())


def without_links(text):
    return re.sub(r"http://localhost/(me|u)/[\w.-]+", r"\1", text)


@pytest.mark.parametrize(
    "source",
    [
        "xq7z8z7qx",
        "xq{# #}7z99z7qx",
        "xq7&#122;99z7qx",
        "{{ name|default('x') }}q7z0z7qx",
        "".join(f"{{{{ name }}}}{n}z " for n in range(12)),
    ],
)
def test_slot_markers_cannot_be_forged(app, sent_emails, source):
    petition = make_petition(texts={"fr": {"title": "xq7z99z7qx", "summary": "s", "addressee": "xq7z8z7qx"}})
    make_consenting_signature(petition)
    _, (email,) = send_mailing(petition, sent_emails, texts=make_french_texts(body=source))
    assert "/me/" not in email.body
    assert SLOT_MARKER not in email.body + email.html + email.subject


@pytest.mark.parametrize(
    "body",
    [
        "[x]({{ name }})",
        "[x](https://example.org/?n={{ name }})",
        "<https://example.org/{{ city }}>",
        "[x][1]\n\n[1]: https://example.org/{{ profession }}",
        "[x](https://evil.example/?u={{ personal_link }})",
        "{% if not profession %}[x](https://example.org/{{ name }}){% endif %}",
        "{% if profession and not city %}[x](mailto:{{ name }}@example.org){% endif %}",
    ],
)
def test_signer_values_cannot_be_part_of_a_url(app, body):
    assert validate_links_and_nesting(f"Bonjour\n\n{body}")
    petition = make_petition()
    form = {"petitions": [str(petition.id)], "name": "x", "sender_name": "y", "subject_fr": "s"}
    with pytest.raises(DomainError) as raised:
        parse_draft({**form, "body_fr": f"Bonjour\n\n{body}"})
    assert list(raised.value.errors) == ["body_fr"]
    assert " 3" in raised.value.errors["body_fr"]


def test_link_placeholders_can_be_the_target_of_a_link(app, sent_emails):
    body = "[a]({{ petition_link }}) <{{ personal_link }}> [b]({{ petition_link }}#sign) {{ petition_link }}"
    assert validate_links_and_nesting(body) == []
    petition = make_petition()
    make_consenting_signature(petition)
    _, (email,) = send_mailing(petition, sent_emails, texts=make_french_texts(body=body))
    page = "http://localhost/p/jardin?lang=fr"
    assert f'href="{page}"' in email.html
    assert f'href="{page}#sign"' in email.html
    assert f"a <{page}>" in email.body
    assert "invalid" not in email.body + email.html


def test_public_page_has_no_personal_data(app, sent_emails):
    petition = make_petition()
    make_consenting_signature(petition, name="Zoé Martin")
    mailing, _ = send_mailing(
        petition, sent_emails, public=True, texts=make_french_texts(body="A {{ name }} {{ city }} {{ personal_link }}")
    )
    shown = public_archive.build_public_page(mailing, "fr")
    assert "Zo" not in str(shown["body"]) + shown["subject"]
    assert "/me/" not in str(shown["body"])


@pytest.mark.parametrize(
    ("greeting", "shown"),
    [("Bonjour {{ name }},", "Bonjour,"), ("Hola, {{ first_name }}:", "Hola:"), ("Hello {{ name }},", "Hello,")],
)
def test_public_page_has_no_gap_where_the_name_was(app, sent_emails, greeting, shown):
    petition = make_petition()
    make_consenting_signature(petition)
    texts = make_french_texts(body=f"{greeting}\n\nNous avançons.")
    mailing, _sent = send_mailing(petition, sent_emails, public=True, texts=texts)
    assert f"<p>{shown}</p>" in public_archive.build_public_page(mailing, "fr")["body"]


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [
                "{{",
                "}}",
                "{%",
                "%}",
                "{#",
                "#}",
                " name ",
                "if",
                "endif",
                "|",
                "default",
                "(",
                ")",
                "'",
                "\\",
                "x",
                "\n",
                "0",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_any_text_is_an_error_or_can_be_expanded(app, source):
    if not validate_placeholders(source):
        expand(source, dict.fromkeys(PLACEHOLDERS, "Zoé"))
        validate_links_and_nesting(source)
