"""Every input of the fuzzing corpus, seeds and earlier findings, is parsed without a defect."""

from pathlib import Path

import pytest
from fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(path.relative_to(CORPUS) for path in CORPUS.glob("*/*"))


@pytest.mark.parametrize("path", INPUTS, ids=str)
def test_an_input_is_read(app, path):
    TARGETS[path.parts[0]]((CORPUS / path).read_bytes())


def test_every_target_has_inputs():
    assert {path.parts[0] for path in INPUTS} == set(TARGETS)
