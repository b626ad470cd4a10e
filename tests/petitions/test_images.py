"""Images of a text: uploaded at the desk, resized, served to everybody, described."""

import io
import re

import pytest
from PIL import Image
from support.factories import make_petition, post_form, sign_in

from petition.core.db import db
from petition.petitions import images
from petition.petitions.models import PetitionImage


def picture(width=2000, height=1000, kind="JPEG", mode="RGB", **options):
    image, output = Image.effect_noise((width, height), 80).convert(mode), io.BytesIO()
    image.save(output, kind, **options)
    return output.getvalue()


def upload(client, data, alt="A cell"):
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/desk/petitions/jardin/images").text)[1]
    form = {"csrf_token": token, "alt": alt, "file": (io.BytesIO(data), "a.jpg")}
    return client.post("/desk/petitions/jardin/images?lang=en", data=form, content_type="multipart/form-data")


def test_an_image_is_resized_stored_and_shown_in_the_text(client):
    sign_in(client, "campaigner")
    petition = make_petition()
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    assert upload(client, picture(exif=exif)).status_code == 303
    stored = db.session.query(PetitionImage).one()
    assert stored.name.endswith("-1200x600.jpg")
    assert b"taken at home" not in stored.content
    line = re.search(r"!\[A cell\]\(/images/[^)]+\)", client.get("/desk/petitions/jardin/images").text)[0]
    for text in petition.texts.values():
        text.body = f"One.\n\n{line}"
    db.session.commit()
    page = client.get("/p/jardin").text
    source = re.search(r'<img src="([^"]+)" alt="A cell" width="1200" height="600" loading="lazy">', page)[1]
    answer = client.get(source)
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert "immutable" in answer.headers["Cache-Control"]
    assert Image.open(io.BytesIO(answer.data)).size == (1200, 600)


@pytest.mark.parametrize(
    ("data", "alt", "wrong"),
    [(b"", "A cell", "file"), (b"not an image", "A cell", "file"), (picture(20, 10), " ", "alt"),
     (picture(20, 10)[:60], "A cell", "file"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "A cell", "file")],
)  # fmt: skip
def test_what_is_wrong_is_said_and_the_description_is_kept(client, data, alt, wrong):
    sign_in(client, "campaigner")
    make_petition()
    answer = upload(client, data, alt)
    assert answer.status_code == 422
    assert f'id="{wrong}-error"' in answer.text
    assert f'value="{alt}"' in answer.text
    assert db.session.query(PetitionImage).count() == 0


def test_an_image_with_too_many_pixels_is_refused_before_it_is_read(client, monkeypatch):
    sign_in(client, "campaigner")
    make_petition()
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    assert upload(client, picture(100, 100, "PNG")).status_code == 422


def test_transparency_and_drawings_stay_png(app):
    petition = make_petition()
    assert images.add_image(petition, picture(30, 30, "PNG", "RGBA"), "a").name.endswith(".png")
    assert images.add_image(petition, picture(30, 30, "PNG", "L"), "b").name.endswith(".png")


@pytest.mark.parametrize("name", ["x", "0123456789abcdef0123-1x1.jpg", "..%2F..%2Fetc", "%00"])
def test_other_names_are_not_found(client, name):
    assert client.get(f"/images/{name}").status_code == 404


def test_an_image_is_deleted_unless_a_text_shows_it(client):
    sign_in(client, "campaigner")
    petition = make_petition()
    upload(client, picture(20, 10))
    name = db.session.query(PetitionImage.name).scalar()
    petition.texts["fr"].thanks = f"![A cell](/images/{name})"
    db.session.commit()
    path = f"/desk/petitions/jardin/images/{name}/delete?lang=en"
    refused = post_form(client, path)
    assert refused.status_code == 409
    assert "It is shown here: “Pour un jardin”, text in Français." in refused.text
    petition.texts["fr"].thanks = ""
    db.session.commit()
    assert post_form(client, path).status_code == 303
    assert db.session.query(PetitionImage).count() == 0
    assert client.get(f"/images/{name}").status_code == 404
    assert post_form(client, path).status_code == 404
