"""Why a file of paper signatures cannot be read at all."""

from enum import StrEnum

from flask_babel import gettext as _

from petition.core.exceptions import ValidationError


class PaperFileErrorCode(StrEnum):
    """Why a file cannot be read at all; `labels.paper_file_error_message` says it in the reader's language."""

    MISSING = "none"
    EMPTY = "empty"
    SPREADSHEET = "spreadsheet"
    NOT_TEXT = "not text"
    NO_NAMES = "no names"
    TOO_LONG = "too long"


class PaperFileError(ValidationError):
    """A file that cannot be read as a list of signatures."""

    def __init__(self, code: PaperFileErrorCode) -> None:
        super().__init__({"file": _("This file cannot be read as a list of signatures.")})
        self.code = code
