"""Chains of requests that follow the description's links: responses match the description, and each other."""

from itertools import count
from typing import ClassVar

import pytest
from hypothesis import settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from sqlalchemy import text
from support.factories import make_petition
from support.signing import process_requests

from petition.core.db import db
from petition.signatures.links import make_confirm_token
from petition.signatures.models import Signature, SignatureState

NETWORKS = count()
LETTERS = str.maketrans("0123456789", "abcdefghij")
CHECKBOX_FIELDS = ("listed", "updates")
# Whether a chain has something to confirm depends on what was drawn: `("confirm", 200)` is in most runs, not in all.
EXPECTED_RESPONSES = {
    ("list_petitions", 200), ("show_petition", 200), ("count", 200), ("list_signatories", 200),
    ("sign", 202), ("sign", 404), ("sign", 422), ("confirm", 404),
}  # fmt: skip


class SignerWorkflow:
    """Most sign with valid details and confirm; counts and lists then match what was done."""

    reached: ClassVar  # operations, with what they answered

    def setup(self):
        db.session.execute(
            text("TRUNCATE sign_requests, signatures, deliveries, petition_counts RESTART IDENTITY CASCADE")
        )
        db.session.commit()
        self.numbers, self.listed, self.confirmed = count(), set(), set()

    def before_call(self, case):
        self.doing = case.operation.definition.raw["operationId"]
        self.name = self.waiting = None
        if case.meta.generation.mode == GenerationMode.NEGATIVE or next(self.numbers) % 4 == 0:
            return
        if self.doing == "sign":
            word = str(next(self.numbers)).translate(LETTERS)
            self.name = f"Zoé {word.title()}"
            checkboxes = {name: value for name, value in case.body.items() if name in CHECKBOX_FIELDS}
            case.body = {**checkboxes, "name": self.name, "email": f"{word}@example.org"}
        elif self.doing == "confirm":
            db.session.rollback()
            self.waiting = (
                db.session.query(Signature).filter_by(state=SignatureState.PENDING).order_by(Signature.id).first()
            )
            case.body = {"token": make_confirm_token(self.waiting)} if self.waiting else case.body

    def get_call_kwargs(self, case):
        number = next(NETWORKS)
        return {"headers": {"X-Forwarded-For": f"203.{number // 250 % 250}.{number % 250}.1"}}

    def after_call(self, response, case):
        super().after_call(response, case)
        self.reached.add((self.doing, response.status_code))
        if self.doing == "sign" and response.status_code == 202:
            process_requests()
            if self.name and case.body.get("listed"):
                self.listed.add(self.name)
        elif self.waiting:
            assert response.status_code == 200
            self.confirmed.add(self.waiting.name)
        elif response.status_code == 200:
            self.check_agreement(response.json(), case)

    def check_agreement(self, answer, case):
        if self.doing == "count":
            assert answer["confirmed"] == answer["people"] == len(self.confirmed)
        elif self.doing == "list_petitions":
            assert [petition["count"]["confirmed"] for petition in answer] == [len(self.confirmed)]
        elif self.doing == "list_signatories":
            names = {item["name"] for item in answer["items"]}
            assert names <= self.listed & self.confirmed

    def validate_response(self, response, case, **kwargs):
        # A schema cannot say which names and addresses are valid, nor that a token or a code is needed.
        is_made_up = (self.doing == "sign" and not self.name) or self.doing == "confirm"
        excluded = [positive_data_acceptance] if is_made_up else []
        case.validate_response(response, excluded_checks=excluded, transport_kwargs=kwargs, recorder=self.recorder)


def is_for_tokens(context):
    security = context.operation.definition.raw.get("security")
    return bool(security) and {} not in security


@pytest.mark.slow
def test_chains_of_requests_are_consistent(app, api):
    make_petition()
    for_all = api.exclude(is_for_tokens)  # chains seldom have a step for a token, and none has one
    chains = type("Chains", (SignerWorkflow, for_all.as_state_machine()), {"reached": set()})
    chains.run(
        settings=settings(
            chains.TestCase.settings, max_examples=40, stateful_step_count=12, derandomize=True, database=None
        )
    )
    assert chains.reached >= EXPECTED_RESPONSES
