"""`petition petitions import-paper` and `undo-paper`."""

import json

import pytest
from support.factories import make_petition
from support.runner import invoke

from petition.core.db import db
from petition.petitions.counters import get_count
from petition.petitions.models import PaperImport
from petition.team.models import AuditEvent
