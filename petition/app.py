"""The application factory: features are registered in the order of their layers."""

from typing import Any, NoReturn
from urllib.parse import urlsplit

from flask import Flask, Request, request
from werkzeug.datastructures import Authorization
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import RequestRedirect
from werkzeug.utils import cached_property

from petition import (
    backups,
    bulk_actions,
    core,
    count_log,
    delivery,
    desk,
    exports,
    integrations,
    integrity,
    local_stack,
    mailings,
    operations,
    petitions,
    privacy,
    retention,
    signatures,
    team,
)

MAX_BODY_BYTES = 64 * 1024
LIBRARY_ASSETS_MAX_AGE_SECONDS = 3600  # their URLs are not versioned, unlike those of `core.web.assets`


class PetitionRequest(Request):
    """Flask's request, without werkzeug's exception for credentials that are not ASCII."""

    @cached_property
    def authorization(self) -> Authorization | None:
        """The `Authorization` header; None if it is missing or malformed."""
        try:
            return super().authorization
        except ValueError:
            return None


class PetitionApp(Flask):
    """Flask without asynchronous views; logs exceptions by URL rule, as a path may contain a token."""

    request_class = PetitionRequest

    def ensure_sync(self, func: Any) -> Any:
        """Return the view unchanged: none is asynchronous, and Flask would check on every call."""
        return func

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Raise the error of a request that no rule matches; a missing slash leads on by a path.

        Werkzeug's redirect would name the host that the request did, which anybody can choose.
        """
        error = request.routing_exception
        if isinstance(error, RequestRedirect):
            url = urlsplit(error.new_url)
            path = "/" + url.path.lstrip("/")
            error.new_url = f"{path}?{url.query}" if url.query else path
        super().raise_routing_exception(request)

    def log_exception(self, exc_info: Any) -> None:
        """Log the exception of a view under its URL rule."""
        rule = request.url_rule.rule if request.url_rule else "-"
        self.logger.error("Exception on %s [%s]", rule, request.method, exc_info=exc_info)


def create_app(config: Any) -> Flask:
    """Create the application. `config`: an instance of `config.Config`; nothing else reads the environment."""
    app = PetitionApp("petition")
    app.config.from_object(config)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY_BYTES, MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES, MAX_FORM_PARTS=100)
    app.config.update(SEND_FILE_MAX_AGE_DEFAULT=LIBRARY_ASSETS_MAX_AGE_SECONDS)
    core.register(app)
    delivery.register(app)
    bulk_actions.register(app)
    team.register(app)
    backups.register(app)
    petitions.register(app)
    signatures.register(app)
    count_log.register(app)
    integrity.register(app)
    mailings.register(app)
    exports.register(app)
    integrations.register(app)
    privacy.register(app)
    operations.register(app)
    desk.register(app)
    retention.register(app)
    local_stack.register(app)
    proxies = app.config["PROXY_COUNT"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    return app
