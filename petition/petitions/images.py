"""Images in the text of a petition: uploaded at the desk, resized, kept in the database under a name of their content.

An image is written again from its pixels alone: what else was in the file, such as where it was taken, is gone.
"""

import hashlib
import io
import re

from flask_babel import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError
from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from petition.core.db import db
from petition.core.exceptions import Conflict, NotFound, ValidationError
from petition.core.i18n import LANGUAGES
from petition.petitions.models import Petition, PetitionImage, PetitionText

MAX_UPLOAD_BYTES = 5_000_000
MAX_PIXELS = 40_000_000  # of what is uploaded: a file of a few kilobytes can hold a billion
MAX_SIDE_PIXELS = 1200  # twice the width of a letter's column
MAX_ALT_CHARACTERS = 300
JPEG_QUALITY = 82
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
NAME_PATTERN = re.compile(r"[0-9a-f]{20}-\d{1,4}x\d{1,4}\.(?:jpg|png)")
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png"}


def add_image(petition: Petition, data: bytes, alt: str) -> PetitionImage:
    """Store an image with its description. Flushes. Raises `ValidationError` for each of the two that is wrong."""
    alt = " ".join(alt.split())
    errors = {}
    if not alt or len(alt) > MAX_ALT_CHARACTERS:
        errors["alt"] = _("Say in up to %(number)s characters what the image shows.", number=MAX_ALT_CHARACTERS)
    try:
        content, extension, size = _resize(data)
    except ValueError:
        errors["file"] = _("Choose an image: JPEG, PNG, WebP or GIF, up to 5 MB and 40 megapixels.")
    if errors:
        raise ValidationError(errors)
    digest = hashlib.sha256(content).hexdigest()[:20]
    name = f"{digest}-{size[0]}x{size[1]}.{extension}"
    values = {"petition_id": petition.id, "name": name, "content": content, "alt": alt}
    statement = insert(PetitionImage).values(values)
    statement = statement.on_conflict_do_update(index_elements=["petition_id", "name"], set_={"alt": alt})
    db.session.execute(statement)
    return db.session.scalars(select(PetitionImage).filter_by(petition_id=petition.id, name=name)).one()


def _resize(data: bytes) -> tuple[bytes, str, tuple[int, int]]:
    """Return the image at its size on the page, the ending of its name, and its size. Raises `ValueError`."""
    if not data or len(data) > MAX_UPLOAD_BYTES:
        raise ValueError("empty, or too large")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise ValueError("too many pixels")
            image = ImageOps.exif_transpose(opened)
            is_transparent = image.has_transparency_data
            is_drawing = opened.format in ("PNG", "GIF") and len(image.convert("RGB").getcolors(65536) or ()) > 0
            image = image.convert("RGBA" if is_transparent else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError("not an image") from error
    image.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS))
    output = io.BytesIO()
    if is_transparent or is_drawing:
        image.save(output, "PNG", optimize=True)
        return output.getvalue(), "png", image.size
    image.save(output, "JPEG", quality=JPEG_QUALITY, optimize=True, progressive=True)
    return output.getvalue(), "jpg", image.size


def list_images(petition: Petition) -> list[PetitionImage]:
    """Return a petition's images, the newest first, without their content."""
    query = select(PetitionImage).filter_by(petition_id=petition.id).order_by(PetitionImage.id.desc())
    return list(db.session.scalars(query))


def delete_image(petition: Petition, name: str) -> None:
    """Delete an image. Flushes. Raises `NotFound`, and `Conflict` while a text shows it, with where that is."""
    image = db.session.scalar(select(PetitionImage).filter_by(petition_id=petition.id, name=name))
    if image is None:
        raise NotFound({"name": "there is no such image"})
    address = f"/images/{name}"
    shown = select(PetitionText.language, Petition).join(Petition, Petition.id == PetitionText.petition_id)
    shown = shown.where(or_(PetitionText.body.contains(address), PetitionText.thanks.contains(address)))
    places = [
        _("“%(title)s”, text in %(language)s", title=other.text_in(language).title, language=LANGUAGES[language])
        for language, other in db.session.execute(shown.order_by(Petition.id, PetitionText.language))
    ]
    if places:
        message = _("It is shown here: %(places)s. Take its line out of the text first.", places=_("; ").join(places))
        raise Conflict({"image": message})
    db.session.delete(image)
    db.session.flush()


def read_image(name: str) -> tuple[bytes, str]:
    """Return an image and its media type. Raises `NotFound`."""
    query = select(PetitionImage.content).filter_by(name=name).limit(1)
    content = db.session.scalar(query) if NAME_PATTERN.fullmatch(name) else None
    if content is None:
        raise NotFound({"name": "there is no such image"})
    return content, MEDIA_TYPES[name.rpartition(".")[2]]
