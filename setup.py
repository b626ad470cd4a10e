"""Compile the translations when the package is built, and build outside of the tree."""

import tempfile
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from setuptools import setup
from setuptools.command.build import build
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class Build(build):
    """Build in a temporary folder: what a folder in the tree kept would be mixed into the next wheel."""

    def initialize_options(self) -> None:
        super().initialize_options()
        self.temporary_folder = tempfile.TemporaryDirectory(prefix="petition-build-")
        self.build_base = self.temporary_folder.name


class BuildPy(build_py):
    """Compile each catalogue into the package that is built, or beside its source where that is what will run."""

    def run(self) -> None:
        super().run()
        target = ROOT if self.editable_mode else Path(self.build_lib)
        for source in ROOT.glob("petition/translations/*/LC_MESSAGES/*.po"):
            compiled = target / source.relative_to(ROOT).with_suffix(".mo")
            with source.open("rb") as po, compiled.open("wb") as mo:
                write_mo(mo, read_po(po, locale=source.parts[-3]))


setup(cmdclass={"build": Build, "build_py": BuildPy})
