"""The process that renders: reads one job from standard input, writes a file, and says how many pages it has.

Run by `rendering.py` as `python -m petition.exports.documents.renderer`, with no setting and no secret in its
environment. Data reaches a template as JSON, and is never read as markup. Memory and processor time are limited, and
gone when it ends: Typst keeps what it has laid out for as long as its process lives.
"""

import base64
import json
import os
import re
import resource
import sys
from functools import reduce
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pikepdf
import typst

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
FONT_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")  # Noto
MAX_MEMORY_BYTES = 3 * 1024**3  # of address space, fonts included
MAX_PROCESSOR_SECONDS = 300
# For archives (ISO 19005-2) and for readers of every ability (ISO 14289-1).
PDF_STANDARDS = ["a-2a", "ua-1"]
UNDISPLAYED_PATTERN = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')


def main() -> None:
    """Do the job of standard input: render, or join."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_PROCESSOR_SECONDS, MAX_PROCESSOR_SECONDS))
    job = json.load(sys.stdin)
    pages = join(job["parts"], job["output"]) if "parts" in job else render(job)
    sys.stdout.write(str(pages))


def render(job: dict[str, Any]) -> int:
    """Render a template with its data into a PDF, or one page of it into a PNG. Returns the number of pages."""
    fonts = typst.Fonts(include_system_fonts=False, font_paths=list_font_folders())
    root = Path(job["output"]).parent  # of the files that a template can read: images
    for name, content in job["images"].items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(base64.b64decode(content))
    common = (TEMPLATES / "common.typ").read_bytes()
    main_file = (TEMPLATES / f"{job['template']}.typ").read_bytes()
    files = {"main.typ": main_file, "common.typ": common}
    options: dict[str, Any] = {"font_paths": fonts, "root": root, "timestamp": job["timestamp"]}
    if job["is_picture"]:
        content = typst.compile(
            files | {"data.json": json.dumps(job["data"]).encode()}, format="png", ppi=144, **options
        )
        Path(job["output"]).write_bytes(content)
        return 1
    options |= {"format": "pdf", "pdf_standards": PDF_STANDARDS}
    data = json.dumps(job["data"], ensure_ascii=False)
    try:
        content = typst.compile(files | {"data.json": data.encode()}, **options)
    except typst.TypstError as error:
        missing = find_undisplayed(error.diagnostic)
        if not missing:
            raise
        data = reduce(_spell_out, sorted(missing), data)
        content = typst.compile(files | {"data.json": data.encode()}, **options)
    Path(job["output"]).write_bytes(content)
    with pikepdf.open(job["output"], allow_overwriting_input=True) as pdf:
        _save(pdf, job["output"])
        return len(pdf.pages)


def list_font_folders() -> list[Path]:
    """Return the folders of the fonts, all of which packages install; no font of the system is ever used."""
    specs = [find_spec(name) for name in FONT_PACKAGES]
    return [HERE / "fonts", *(Path(spec.origin).parent for spec in specs if spec and spec.origin)]


def find_undisplayed(diagnostic: str) -> set[str]:
    """Return the characters that Typst reports to be in no font."""
    texts = UNDISPLAYED_PATTERN.findall(diagnostic)
    decoded = (re.sub(r"\\u\{([0-9a-f]+)\}", lambda code: chr(int(code[1], 16)), text) for text in texts)
    return {character for text in decoded for character in text if not character.isascii()}


def _spell_out(data: str, character: str) -> str:
    return data.replace(character, f"[U+{ord(character):04X}]")


def join(paths: list[str], output: str) -> int:
    """Join the parts of a document into one, with the tags and the bookmarks of each. Returns the number of pages."""
    with pikepdf.open(paths[0]) as whole:
        tags, next_key = whole.Root.StructTreeRoot, int(whole.Root.StructTreeRoot.ParentTreeNextKey)
        for path in paths[1:]:
            with pikepdf.open(path) as part:
                first = len(whole.pages)
                whole.pages.extend(part.pages)
                for page in list(whole.pages)[first:]:
                    _renumber(page.obj, next_key)
                next_key = _join_tags(tags, whole.copy_foreign(part.Root.StructTreeRoot), next_key)
                if "/Outlines" in part.Root:
                    _join_bookmarks(whole, whole.copy_foreign(part.Root.Outlines))
        tags.ParentTreeNextKey = next_key
        metadata = whole.Root.Metadata.read_bytes()
        pages = f"<xmpTPg:NPages>{len(whole.pages)}<".encode()
        whole.Root.Metadata.write(re.sub(rb"<xmpTPg:NPages>\d+<", pages, metadata))
        _save(whole, output)
        return len(whole.pages)


def _renumber(page: pikepdf.Object, by: int) -> None:
    if "/StructParents" in page:
        page.StructParents = int(page.StructParents) + by
    for annotation in page.get("/Annots", []):
        if "/StructParent" in annotation:
            annotation.StructParent = int(annotation.StructParent) + by


def _join_tags(tags: pikepdf.Object, others: pikepdf.Object, by: int) -> int:
    """Append what a part's tags say below its `Document` to the whole's. Returns the next free key."""
    top, numbers, more = tags.K[0], tags.ParentTree.Nums, others.ParentTree.Nums
    for index in range(0, len(more), 2):
        numbers.append(int(more[index]) + by)
        numbers.append(more[index + 1])
    for element in others.K[0].K:
        element.P = top
        top.K.append(element)
    return by + int(others.ParentTreeNextKey)


def _join_bookmarks(whole: pikepdf.Pdf, others: pikepdf.Object) -> None:
    if "/Outlines" not in whole.Root:
        whole.Root.Outlines = others
        return
    outlines = whole.Root.Outlines
    item: pikepdf.Object | None = others.First
    outlines.Last.Next, others.First.Prev = others.First, outlines.Last
    while item is not None:
        item.Parent = outlines
        outlines.Last = item
        item = item.get("/Next")
    outlines.Count = int(outlines.Count) + int(others.Count)


def _save(pdf: pikepdf.Pdf, output: str) -> None:
    """Write a PDF with its objects compressed, the same bytes each time."""
    pdf.save(output, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.generate)


if __name__ == "__main__":
    main()
