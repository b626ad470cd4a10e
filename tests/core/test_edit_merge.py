"""Two people edit the same row."""

from petition.core.edit_merge import as_text, compare, digest, make_base, parse_base

BASE = {"name": "News", "subject_fr": "Un", "petitions": [1], "per_hour": None, "public": False}


def test_different_fields_are_combined():
    mine = BASE | {"subject_fr": "Le mien", "petitions": ["1"], "per_hour": ""}
    theirs = BASE | {"name": "Theirs"}
    found = compare(make_base(BASE), mine, theirs, BASE)
    assert found.changed_by_them == ["name"]
    assert found.differences == {"name": ("News", "Theirs")}
    assert found.conflicting_fields == []
    assert (found.merged_values["name"], found.merged_values["subject_fr"]) == ("Theirs", "Le mien")


def test_same_field_is_a_conflict_and_mine_is_kept():
    found = compare(make_base(BASE), BASE | {"name": "Mine"}, BASE | {"name": "Theirs"}, BASE)
    assert found.conflicting_fields == ["name"]
    assert found.merged_values["name"] == "Mine"


def test_without_a_base_every_field_that_differs_is_shown():
    for base in ("", "[", "[]", "null"):
        found = compare(parse_base(base), BASE | {"name": "Mine"}, BASE, BASE)
        assert found.differences == {"name": ("Mine", "News")}


def test_field_that_the_form_did_not_carry_was_changed_unless_said_otherwise():
    mine, theirs = BASE | {"per_hour": "50"}, BASE
    assert compare({}, mine, theirs, ["per_hour"]).conflicting_fields == ["per_hour"]
    found = compare({}, mine, theirs, ["per_hour"], missing=digest(""))
    assert (found.changed_by_them, found.merged_values) == ([], {"per_hour": "50"})


def test_values_are_alike_typed_or_stored():
    assert as_text(["a", "b"]) == as_text("a\r\nb ")
    assert as_text(None) == as_text("") == as_text(False) == as_text([])
    assert as_text(5) == as_text("5")
