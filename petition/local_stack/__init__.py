"""`petition up`: embedded PostgreSQL and Valkey, a local mailbox, and supervision of the application's processes.

Production needs none of it.
"""

from flask import Flask


def register(app: Flask) -> None:
    """Set up the pages of the local mailbox, where there is one."""
    from petition.local_stack import mailbox_views

    if app.config["PETITION_MAILBOX"]:
        app.register_blueprint(mailbox_views.blueprint(app.config["PETITION_MAILBOX"]))
