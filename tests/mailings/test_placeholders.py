"""Placeholders reach the listed values and nothing else; what signers typed is never read as anything but words."""

from datetime import timedelta

import pytest
from factories import make_mailing, make_petition, make_signature

from petition.core import clock
from petition.core.db import db
from petition.delivery.dispatch import dispatch
from petition.mailings.placeholders import NAMES, expand, mistakes
from petition.mailings.watch import watch

ESCAPES = [
    "{{ ''.__class__ }}", "{{ name.__class__ }}", "{{ name['__class__'] }}", "{{ name|attr('__class__') }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ self }}", "{{ self._TemplateReference__context }}",
    "{{ config }}", "{{ request }}", "{{ cycler.__init__.__globals__ }}", "{{ lipsum.__globals__ }}", "{{ joiner }}",
    "{{ namespace }}", "{{ dict }}", "{{ range(10**9) }}", "{{ name() }}", "{{ name * 10**9 }}", "{{ 'a' * 10**9 }}",
    "{{ name ~ name }}", "{{ name + name }}", "{{ name % name }}", "{{ '%s' % name }}", "{{ name|upper }}",
    "{{ name|format(1) }}", "{{ name|default(config) }}", "{{ name|default('a', true) }}", "{{ name|default }}",
    "{{ name|default('a')|default('b') }}", "{{ 7*7 }}", "{{ 10**100000 }}", "{{ [name] }}", "{{ {'a': name} }}",
    "{{ name[0:1] }}", "{{ name if name }}", "{{ name == 'a' }}", "{{ name is defined }}", "{{ 'a' in name }}",
    "{% for x in name %}{{ x }}{% endfor %}", "{% set x = name %}", "{% set name = 'x' %}", "{% include 'x' %}",
    "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% macro m() %}{% endmacro %}",
    "{% call name() %}{% endcall %}", "{% filter upper %}a{% endfilter %}", "{% block b %}{% endblock %}",
    "{% with x = 1 %}{% endwith %}", "{% raw %}{{ x }}", "{{ unknown }}", "{{ name", "{% if name %}", "{{ }}",
    "{{ True }}", "{{ none }}", "{{ loop }}", "{{ caller }}", "{{ varargs }}", "{{ context }}", "{{ g }}",
    "{{ url_for }}",
]  # fmt: skip


@pytest.mark.parametrize("source", ESCAPES)
def test_whatever_is_not_on_the_list_is_refused_with_its_line(app, source):
    found = mistakes(f"Hello\n\n{source}\n")
    assert found, source
    assert {line for line, _ in found} <= {3, 4}, found


def test_nesting_has_an_end(app):
    assert mistakes("{% if name %}" * 500 + "{% endif %}" * 500)
    assert mistakes("{{ " + "not " * 5000 + "name }}")


def test_the_listed_values_and_choices_are_allowed(app):
    assert all(mistakes(f"{{{{ {name} }}}}") == [] for name in NAMES)
    source = "{# a note #}{% if city and not organisation %}{{ city }}{% elif name %}{{ name }}{% else %}you{% endif %}"
    assert mistakes(source) == []
    assert expand(source, {"city": "", "name": "Zoé"}) == "Zoé"
    assert expand("{{ profession|default('you') }}", {}) == "you"


@pytest.mark.parametrize("typed", [
    "{{ config }}", "{% if x %}", "<b>Zoé</b>", "[a](https://evil.example)", "xq7z5z7qx", "https://xq7z8z7qx.invalid/",
    "**Zoé**", "Zoé\r\nBcc: evil@example.org", "&amp;", "`x`", "\\", "\u202eeoZ",
])  # fmt: skip
def test_what_a_signer_typed_is_only_words(app, outbox, typed):
    petition = make_petition()
    signature = make_signature(petition, state="confirmed", updates=True)
    signature.name = signature.profession = typed
    body = "Bonjour {{ name }}, {{ profession }}. [Page]({{ personal_link }})"
    make_mailing(petition, texts={"fr": {"subject": "{{ name }}", "body": body}}, state="scheduled",
                 send_at=clock.now() - timedelta(seconds=1))  # fmt: skip
    db.session.commit()
    watch()
    dispatch("mailings")
    (letter,) = outbox
    message = letter.as_email()
    assert message["Bcc"] is None
    assert message["Subject"].split() == typed.split()
    assert " ".join(typed.split()) in " ".join(letter.body.split())
    assert "<b>Zoé" not in letter.html
    assert 'href="https://evil' not in letter.html
    assert letter.html.count("/me/") == letter.html.count('href="http://localhost/me/')
