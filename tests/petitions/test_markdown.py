import pytest

from petition.petitions.markdown import to_html


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://example.org/a.png)",
        '<a href="x" onclick="y">z</a>',
        "<iframe src=x></iframe>",
        '<p style="color:red">a</p>',
    ],
)
def test_scripts_images_and_foreign_markup_are_removed(source):
    html = to_html(source).lower()
    for word in ("<script", 'href="javascript', "<img", "<iframe", "<p style"):
        assert word not in html
    assert '<a href="x" onclick' not in html
