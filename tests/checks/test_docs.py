"""The documents lead somewhere, and name every folder."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:petition|tests|benchmarks|deploy|docs)/[\w./@-]+\.\w+)`")


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    return listed.stdout.split()


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_no_relative_link_is_dead():
    dead = []
    for name in _tracked("*.md"):
        document = ROOT / name
        for target in LINK.findall(document.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            leads_to = (document.parent / path).resolve() if path else document
            if not leads_to.exists() or (anchor and leads_to.suffix == ".md" and anchor not in _anchors(leads_to)):
                dead.append(f"{name}: {target}")
    assert dead == []


def test_every_file_that_a_document_names_is_there():
    gone = [
        f"{name}: {path}"
        for name in _tracked("*.md")
        for path in FILE.findall((ROOT / name).read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    ]
    assert gone == []


def test_every_folder_of_the_package_is_in_the_architecture():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    folders = {str(Path(name).parent) for name in _tracked("petition/*.py", "petition/**/*.py")}
    assert sorted(folder for folder in folders if f"`{folder}/`" not in text and folder != "petition") == []
