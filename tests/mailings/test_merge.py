"""Two people edit the same mailing."""

from petition.mailings import merge

BASE = {"name": "News", "subject_fr": "Un", "petitions": [1], "per_hour": None, "public": False}


def test_different_fields_are_combined():
    mine = BASE | {"subject_fr": "Le mien", "petitions": ["1"], "per_hour": ""}
    theirs = BASE | {"name": "Theirs"}
    found = merge.compare(merge.make_base(BASE), mine, theirs)
    assert found.differences == {"name": ("News", "Theirs")}
    assert found.conflicting_fields == []
    assert (found.merged_values["name"], found.merged_values["subject_fr"]) == ("Theirs", "Le mien")


def test_same_field_is_a_conflict_and_mine_is_kept():
    found = merge.compare(merge.make_base(BASE), BASE | {"name": "Mine"}, BASE | {"name": "Theirs"})
    assert found.conflicting_fields == ["name"]
    assert found.merged_values["name"] == "Mine"


def test_without_a_base_every_field_that_differs_is_shown():
    for base in ("", "[", "[]", "null"):
        found = merge.compare(base, BASE | {"name": "Mine"}, BASE)
        assert found.differences == {"name": ("Mine", "News")}


def test_values_are_alike_typed_or_stored():
    assert merge.as_text(["a", "b"]) == merge.as_text("a\r\nb ")
    assert merge.as_text(None) == merge.as_text("") == merge.as_text(False) == merge.as_text([])
    assert merge.as_text(5) == merge.as_text("5")
