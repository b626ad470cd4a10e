"""Walk the site in a process of its own, with the languages of its environment; print what was found as JSON.

Which languages there are is read when a process starts: that is why the test that adds one starts another.
"""

import json
import os
import re
import sys
from typing import Any

from flask import g
from flask.testing import FlaskClient
from support.factories import make_form, make_petition, make_signature, sign_in
from support.signing import process_requests

from config import Config
from petition.app import create_app
from petition.core.db import db
from petition.core.i18n import LANGUAGES
from petition.delivery.worker import run_queue
from petition.petitions.models import Petition
from petition.signatures.confirm import confirm_signature
from petition.signatures.models import Signature

TEXTS = {
    "fr": {"title": "Pour un jardin", "summary": "Un jardin.", "addressee": "la maire"},
    "ar": {"title": "من أجل حديقة", "summary": "حديقة للجميع.", "addressee": "العمدة"},
}
# Answers of machines, pages that a person is led to, and a check that asks the network.
LEFT_OUT = re.compile(
    r"/(api|metrics|readyz|healthz|account/(logout|wan|tf|mf|two|welcome)|static|bootstrap)|\.\w+$|doctor"
)


class FreshClient(FlaskClient):
    """A client whose requests share an application context, and nothing that the one before left in `g`."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        for name in list(g):
            g.pop(name)
        return super().open(*args, **kwargs)


def describe(answer: Any) -> dict[str, Any]:
    """Return what a test looks at: the status, and the attributes of the page's first element."""
    html = re.search(r"<html([^>]*)>", answer.text if answer.mimetype == "text/html" else "")
    return {"status": answer.status_code, "html": html[1] if html else None, "length": len(answer.data)}


def walk_signer(app: Any, language: str, emails: list[Any]) -> dict[str, Any]:
    """Sign and confirm in a language; return the pages and the email on the way."""
    client, found = app.test_client(), {}
    for name, path in (
        ("page", "jardin"),
        ("other", "autre"),
        ("list", "jardin/signatories"),
        ("embed", "jardin/embed"),
    ):
        found[name] = client.get(f"/p/{path}?lang={language}").text
    form = make_form(email="zoe@example.org", locale=language)
    answer = client.post(f"/p/jardin/sign?lang={language}", data=form)
    process_requests()
    found["check"] = client.get(answer.headers["Location"]).text
    run_queue("confirmations")
    email = emails[-1]
    found |= {"subject": email.subject, "text": email.body, "html": email.html}
    found["locale"] = db.session.query(Signature.locale).filter_by(email="zoe@example.org").scalar()
    link = re.search(r"http://localhost(/c/\S+)", email.body)[1]
    found["confirm"] = client.get(link).text
    named = make_signature(db.session.query(Petition).filter_by(slug="jardin").one(), name="Ada", profession="X",
                           email="ada@example.org", listed=True)  # fmt: skip
    confirm_signature(named)
    db.session.commit()
    found["named"] = client.get(f"/p/jardin/signatories?lang={language}&fresh").text
    return found


def walk_desk(app: Any, language: str) -> dict[str, Any]:
    """Open every page without arguments as somebody with all roles; return what each answered."""
    client = app.test_client()
    sign_in(client, "admin", email=f"{language}@example.org", language=language)
    paths = sorted({rule.rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and not rule.arguments})
    return {path: describe(client.get(f"{path}?lang={language}")) for path in paths if not LEFT_OUT.search(path)}


def main(language: str) -> None:
    """Walk the signer's way in one language, and the other pages in each."""
    app = create_app(Config(os.environ))
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.test_client_class = FreshClient
    mail = app.extensions["mail"]
    mail.suppress = True
    with app.app_context(), mail.record_messages() as emails:
        make_petition(texts=TEXTS, listing="opt_in")
        make_petition(slug="autre", texts={"fr": TEXTS["fr"]})
        found = {"languages": dict(LANGUAGES), "signer": walk_signer(app, language, emails)}
        found["desk"] = {code: walk_desk(app, code) for code in LANGUAGES}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
