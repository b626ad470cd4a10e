"""`petition up`: embedded PostgreSQL and Valkey, a local mailbox, and supervision of the application's processes.

Production needs none of it.
"""

from flask import Flask


def register(app: Flask) -> None:
    """Set up the pages of the local mailbox, where there is one."""
    from petition.local_stack import mailbox_views

    if app.config["PETITION_MAILBOX"]:
        pages = mailbox_views.blueprint(app.config["PETITION_MAILBOX"])
        # Every email with its links is there: for this machine only, however else the stack is reached.
        pages.before_request(app.extensions["petition.require_local_request"])
        app.register_blueprint(pages)
