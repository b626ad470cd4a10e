import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petition.delivery.suppressions.suppression_list import hash_address
from petition.safeguards.email_addresses import BadAddress, canonicalize, parse_email_address


@pytest.mark.parametrize(
    ("typed", "same"),
    [
        ("Zoe.Martin@Example.ORG", "zoe.martin@example.org"),
        ("z.o.e@gmail.com", "zoe@gmail.com"),
        ("zoe+letters@googlemail.com", "zoe@gmail.com"),
        ("zoe+x@outlook.fr", "zoe@outlook.fr"),
        ("zoe@protonmail.com", "zoe@proton.me"),
        ("zoë@bücher.example", "zoë@xn--bcher-kva.example"),
    ],
)
def test_spellings_of_one_mailbox_have_one_canonical_form(app, typed, same):
    assert parse_email_address(typed).canonical == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ſam.victim@gmail.com", "sam.victim@gmail.com"),
        ("strauß@example.org", "strauss@example.org"),
        ("İlker@example.org", "ilker@example.org"),
        ("É.Martin@example.org", "é.martin@example.org"),
        ("zoe@faß.example", "zoe@fass.example"),
    ],
)
def test_letters_of_two_mailboxes_are_not_merged(app, one, other):
    first, second = parse_email_address(one), parse_email_address(other)
    assert first.canonical != second.canonical
    assert not set(hash_address(first.typed)) & set(hash_address(second.typed))


@pytest.mark.parametrize("other", ["zoe+x@example.org", "z.oe@example.org", "z.oe@orange.fr"])
def test_undocumented_alias_is_another_mailbox(app, other):
    assert parse_email_address(other).canonical != "zoe@example.org"
    assert parse_email_address(other).canonical == other


def test_address_as_typed_is_preserved(app):
    assert parse_email_address(" Z.O.E+letters@Gmail.com ").typed == "Z.O.E+letters@gmail.com"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "zoe",
        "zoe@",
        "=?utf-8?q?=0D=0ABcc=3Ax?=@example.org",
        "@example.org",
        "a b@example.org",
        "zoe@example",
        "zoe@exa mple.org",
        "zoe@example.org\nBcc: x@example.org",
        "zoe@-example.org",
        "a@b@example.org",
    ],
)
def test_invalid_address_is_rejected(app, typed):
    with pytest.raises(BadAddress):
        parse_email_address(typed)


@settings(max_examples=300)
@given(st.text(max_size=80) | st.emails())
def test_arbitrary_text_is_an_address_or_rejected(app, typed):
    try:
        address = parse_email_address(typed)
    except BadAddress:
        return
    local, _, domain = address.canonical.rpartition("@")
    assert canonicalize(local, domain) == address.canonical
    assert "\n" not in address.typed
    assert "\r" not in address.typed


def test_special_use_domains_are_valid_where_the_operator_names_them(app, monkeypatch):
    monkeypatch.setitem(app.config, "PETITION_EMBEDDED", False)
    for address in ("zoe@mail.test", "zoe@corp.local", "zoe@example.invalid"):
        with pytest.raises(BadAddress):
            parse_email_address(address)
    monkeypatch.setitem(app.config, "PETITION_LAB_DOMAINS", ["test", "local", "home.arpa"])
    for typed in ("Zoe@Mail.test", "zoe@Corp.LOCAL ", "zoe@printer.home.arpa"):
        expected = typed.strip().lower()
        assert parse_email_address(typed).canonical == expected
        assert parse_email_address(typed).typed.rpartition("@")[2] == expected.rpartition("@")[2]
    for address in ("zoe@example.invalid", "zoe@test", "zoe@local", "a b@corp.local", "zoe@.local", "zoe@notlocal"):
        with pytest.raises(BadAddress):
            parse_email_address(address)
