from petition.petitions.editing.text_diff import SegmentKind, diff_texts


def test_differences_are_by_word_and_unchanged_parts_are_omitted():
    words = " ".join(f"w{n}" for n in range(100))
    found = diff_texts(words, words.replace("w50 ", "W50 "))
    assert [p.text for p in found if p.kind == SegmentKind.DELETED] == ["w50"]
    assert [p.text for p in found if p.kind == SegmentKind.INSERTED] == ["W50"]
    assert [p.kind for p in found].count(SegmentKind.OMITTED) == 2
    for old, new in (("", "a"), ("a", ""), ("a\n" * 60_000, "b\n" * 60_000), ("x " * 30_000, "x " * 30_000 + "y")):
        assert diff_texts(old, new)
