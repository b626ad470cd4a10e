"""Keep what a member typed into a form and has not saved: while it is written, and when the session has ended.

A form carries a token that names its owner, so that a text is kept whether or not its writer is still signed in. With
it, one can replace what that member typed into a form, and nothing else.
"""

import re
from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from werkzeug.datastructures import MultiDict

from petition.core import clock, tokens
from petition.core.db import db
from petition.team.models import Account, UnsavedForm

OWNER_FIELD = "owner"
OWNER_TOKEN = "unsaved form"  # noqa: S105 - its purpose
OWNER_TOKEN_TTL = timedelta(days=7)
RETENTION = timedelta(days=14)
# The pages whose texts are kept: each is shown by GET and saved by POST at the same path.
FORMS = re.compile(
    r"/desk/(legal|petitions/new|petitions/[a-z0-9-]{1,80}/(edit|legal|updates/(new|[0-9]{1,18}))"
    r"|mailings/new|mailings/[0-9]{1,18}/edit)"
)
# Fields that say what a button does, or that another session must not reuse.
LEFT_OUT = (OWNER_FIELD, "csrf_token", "preview", "confirm", "resolve", "copy", "publish")


def make_owner_token(account: Account) -> str:
    """Return the token that a form carries."""
    return tokens.make(OWNER_TOKEN, account.id)


def find_owner(token: str) -> Account | None:
    """Return the active account that a form's token names, None for any other token."""
    try:
        (account_id,) = tokens.read(OWNER_TOKEN, token, OWNER_TOKEN_TTL)
    except (tokens.BadToken, ValueError):
        return None
    account = db.session.get(Account, account_id)
    return account if account and account.active else None


def keep(account: Account, form: str, fields: Iterable[tuple[str, str]]) -> bool:
    """Keep the fields of a form; return whether it is one whose fields are kept. Does not commit."""
    if not FORMS.fullmatch(form):
        return False
    # PostgreSQL takes neither NUL nor lone surrogates.
    clean = [[name, value.replace("\0", "").encode("utf-8", "ignore").decode()] for name, value in fields
             if name not in LEFT_OUT]  # fmt: skip
    values = {"fields": clean, "kept_at": clock.now()}
    query = insert(UnsavedForm).values(account_id=account.id, form=form, **values)
    db.session.execute(query.on_conflict_do_update(index_elements=["account_id", "form"], set_=values))
    return True


def find(account: Account, form: str) -> UnsavedForm | None:
    """Return what an account typed into a form and has not saved."""
    return db.session.get(UnsavedForm, (account.id, form))


def read_fields(unsaved: UnsavedForm) -> MultiDict[str, str]:
    """Return the fields as a view gets them from a request."""
    return MultiDict([(name, value) for name, value in unsaved.fields])


def discard(account: Account, form: str) -> None:
    """Forget what an account typed into a form. Does not commit."""
    db.session.execute(delete(UnsavedForm).where(UnsavedForm.account_id == account.id, UnsavedForm.form == form))


def list_for(account: Account) -> list[UnsavedForm]:
    """Return what an account typed and has not saved, newest first."""
    query = select(UnsavedForm).where(UnsavedForm.account_id == account.id).order_by(UnsavedForm.kept_at.desc())
    return list(db.session.scalars(query))


def delete_old() -> None:
    """Delete what nobody came back for. Does not commit."""
    db.session.execute(delete(UnsavedForm).where(UnsavedForm.kept_at < clock.now() - RETENTION))
