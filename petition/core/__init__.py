"""Shared infrastructure without knowledge of features: database, cache, broker, languages, logs, tokens, errors."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # some modules are imported without the application, by `petition queue check`
    from flask import Flask


def register(app: "Flask") -> None:
    """Set up what every feature needs: logs first, so that the others can log."""
    from petition.core import (
        cache,
        celery,
        db,
        error_handlers,
        health,
        i18n,
        logging,
        openapi,
        read_replica,
        redis,
        security_headers,
        tracing,
    )
    from petition.core.web import assets, compression, site_files, trusted_hosts

    tracing.init_app(app)
    logging.init_app(app)
    trusted_hosts.init_app(app)
    health.init_app(app)
    db.init_app(app)
    read_replica.init_app(app)
    redis.init_app(app)
    celery.init_app(app)
    cache.init_app(app)
    i18n.init_app(app)
    security_headers.init_app(app)
    compression.init_app(app)
    assets.init_app(app)
    error_handlers.init_app(app)
    openapi.init_app(app)
    app.register_blueprint(site_files.blueprint)
