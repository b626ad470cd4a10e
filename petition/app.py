"""The application factory: what the application is made of, in the order of its layers."""

from typing import Any

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from petition import (
    bulk_actions,
    core,
    delivery,
    exports,
    local_stack,
    mailings,
    operations,
    petitions,
    signatures,
    team,
)

MAX_BODY_BYTES = 64 * 1024
LIBRARY_ASSETS_MAX_AGE_SECONDS = 3600  # their URLs do not change with their content; `core.assets` caches ours longer


class PetitionApp(Flask):
    """Flask without support for asynchronous views, and with errors logged by route: a path may hold a token."""

    def ensure_sync(self, func: Any) -> Any:
        """Return a view as it is: none is asynchronous, and Flask would check each of its wrappers on every call."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Log the exception of a view under its URL rule."""
        rule = request.url_rule.rule if request.url_rule else "-"
        self.logger.error("Exception on %s [%s]", rule, request.method, exc_info=exc_info)


def create_app(config: Any) -> Flask:
    """Create the application from settings, which no module below reads from anywhere else."""
    app = PetitionApp("petition")
    app.config.from_object(config)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES, MAX_FORM_PARTS=100)
    app.config.update(SEND_FILE_MAX_AGE_DEFAULT=LIBRARY_ASSETS_MAX_AGE_SECONDS)
    core.register(app)
    delivery.register(app)
    bulk_actions.register(app)
    team.register(app)
    petitions.register(app)
    signatures.register(app)
    mailings.register(app)
    exports.register(app)
    operations.register(app)
    local_stack.register(app)
    proxies = app.config["PROXY_COUNT"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app
