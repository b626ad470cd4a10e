"""Each line of a list ends on the suppression list or is reported."""

from contextlib import nullcontext

import pytest
from click.testing import CliRunner

from petition.core.cli_support import AppProvider
from petition.core.db import db
from petition.delivery.suppressions.address_list import decode_list, extract_address, parse_address_list
from petition.delivery.suppressions.suppression_list import find_suppressed, suppress_many
from petition.operations.cli.suppressions import suppressions


@pytest.mark.parametrize(
    "written",
    [
        "zoe@example.org", "<zoe@example.org>", "Zoe Martin <zoe@example.org>", '"Martin, Zoe" <zoe@example.org>',
        "mailto:zoe@example.org", "MAILTO:zoe@example.org?subject=stop", "smtp:zoe@example.org",
        "rfc822;zoe@example.org", "  zoe@example.org  ", '"zoe@example.org"', "'zoe@example.org'",
        "\u200bzoe@example.org\u00a0", "zoe@example.org.", "<mailto:zoe%40example.org>", "< zoe@example.org >",
    ],
)  # fmt: skip
def test_address_is_found_however_it_is_written(written):
    assert extract_address(written) == "zoe@example.org"
    assert parse_address_list(f"{written}\n") == (["zoe@example.org"], [])


@pytest.mark.parametrize(
    "written",
    [
        "", "zoe", "zoe@example", "a@b@example.org", "<zoe@example.org", "a b@example.org", "zoe@@example.org",
        "zoe@example.org ann@example.org", "@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_none(written):
    assert extract_address(written) is None


FILES = {
    "sendgrid": 'status,reason,email,created\n5.1.1,"550 5.1.1 <ann@example.net>: unknown, bye",zoe@example.org,7\n',
    "mailgun": "address;code;error\nzoe@example.org;550;no such user\n",
    "postmark": "Type\tRecipient\tBouncedAt\nHardBounce\tzoe@example.org\t2022-09-28\n",
    "brevo": "Contact ID,EMAIL,Reason\n7,zoe@example.org,hard_bounce\n",
    "french": "Nom;Prénom;Adresse e-mail\nMartin;Zoe;zoe@example.org\n",
    "no header": "7,Zoe,zoe@example.org,hard\n",
    "first column": "zoe@example.org,7\n",
    "comments": "# bounced\n\n# more\nzoe@example.org\n",
    "byte order mark": "\ufeffemail\nzoe@example.org\n",
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_file_of_a_provider_is_read_in_any_encoding(name, encoding):
    data = FILES[name].encode(encoding, "ignore")
    assert parse_address_list(decode_list(data)) == (["zoe@example.org"], [])


def test_line_without_one_address_is_reported():
    text = 'email\nzoe@example.org\nnobody\n"broken, quote\n<ann@example.org\nann@example.org\n'
    assert parse_address_list(text) == (
        ["zoe@example.org", "ann@example.org"],
        [(3, "nobody"), (4, '"broken, quote'), (5, "<ann@example.org")],
    )
    assert parse_address_list("a@example.org,b@example.org\n") == ([], [(1, "a@example.org,b@example.org")])
    assert parse_address_list("name,email\nZoe,\n")[1] == [(2, "Zoe,")]


def test_what_is_counted_as_added_is_on_the_list(app):
    addresses, bad_lines = parse_address_list("\n".join(
        ["<a@example.org>", "mailto:b@example.org", "C <c@example.org>", "D@Example.org", "no", "e@bücher.example"]
    ))  # fmt: skip
    assert suppress_many(addresses, "test") == 5
    expected = ["a@example.org", "b@example.org", "c@example.org", "d@example.org", "e@bücher.example"]
    assert find_suppressed(expected) == set(expected)
    assert bad_lines == [(5, "no")]


def test_commands_take_an_address_as_it_is_written(app, tmp_path):
    def run(*arguments):
        result = CliRunner().invoke(suppressions, arguments, obj=AppProvider(lambda: nullcontext(app)))
        assert result.exit_code == 0, result.output
        return result.output

    (tmp_path / "list.csv").write_bytes("email,reason\nZoe <zoe@example.org>,550\nnobody,550\n".encode("utf-16"))
    output = run("import", str(tmp_path / "list.csv"))
    assert "1 added" in output
    assert "1 bad lines" in output
    assert find_suppressed(["zoe@example.org"])
    run("check", "<zoe@example.org>")
    run("remove", "<zoe@example.org>", "--reason", "x")
    assert not find_suppressed(["zoe@example.org"])
    run("add", "mailto:zoe@example.org", "--reason", "x")
    db.session.expire_all()
    assert find_suppressed(["zoe@example.org"])
