"""The documents: relative links lead somewhere, every folder is described, the glossary is short."""

import re
import tomllib
from pathlib import Path

from petition.commands import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
FILE = re.compile(r"`((?:petition|tests|benchmarks|deploy|docs)/[\w./@-]+\.\w+)`")
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")


def anchors(path):
    """Return the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_relative_links_lead_to_existing_files_and_headings():
    dead = []
    for document in DOCUMENTS:
        for link in LINK.findall(document.read_text(encoding="utf-8")):
            name, _, anchor = link.partition("#")
            target = document.parent / name if name else document
            if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
                dead.append(f"{document.relative_to(ROOT)}: {link}")
    assert dead == []


def test_every_file_that_a_document_names_exists():
    missing = [
        f"{document.relative_to(ROOT)}: {path}"
        for document in DOCUMENTS
        for path in FILE.findall(document.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    ]
    assert missing == []


def test_some_links_are_checked():
    assert sum(len(LINK.findall(document.read_text(encoding="utf-8"))) for document in DOCUMENTS) > 10


def test_every_folder_is_named_in_the_architecture():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    top = [path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    folders = [name for name in top if f"{name}/" not in ignored and not name.endswith(".egg-info")]
    folders += [str(path.parent.relative_to(ROOT)) for path in (ROOT / "petition").rglob("*/__init__.py")]
    assert [name for name in sorted(folders) if f"`{name}/`" not in text] == []


def test_the_layers_are_those_that_import_linter_checks():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"^Layers, .*?```\n(.*?)```", text, re.S | re.M)[1]
    described = [{name.strip() for name in re.split("[|,]", layer)} for layer in block.split(">")]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    [layers] = [contract["layers"] for contract in settings["contracts"] if contract["type"] == "layers"]
    checked = [{name.strip().removeprefix("petition.") for name in layer.split("|")} for layer in layers]
    described[0] -= {"wsgi", "worker"}  # outside of the package
    assert described == checked


def test_the_commands_in_the_readme_are_those_that_there_are():
    block = re.search(r"^## Commands.*?```\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S | re.M)[1]
    named = set(re.findall(r"^petition ([\w-]+)", block, re.M))
    assert named == set(cli.commands)


def test_the_glossary_is_short_and_sorted():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Glossary")[2]
    terms = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")][2:]
    assert 10 < len(terms) <= 25
    assert terms == sorted(terms)
