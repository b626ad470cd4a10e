"""The JSON API: OpenAPI description, documentation page, and problem documents (RFC 9457)."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import Blueprint, Flask, Response, current_app, jsonify, render_template
from flask_smorest import Api
from flask_smorest import Blueprint as SmorestBlueprint
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.exceptions import BadRequest, HTTPException, TooManyRequests

from petition.core.i18n import N_

ACCESS_PUBLIC = "public"
SLUG_LINK_PARAMETERS = {"slug": "$request.path.slug"}  # of OpenAPI links to other operations on the petition
API_PREFIX = "/api/v1"
EXAMPLE_SLUG = "internet-en-prison"
PROBLEM_MEDIA_TYPE = "application/problem+json"

docs = Blueprint("api_docs", __name__, url_prefix=API_PREFIX)


class ProblemSchema(ma.Schema):
    """What went wrong and what to do about it (RFC 9457); `errors` has a message for each field at fault."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String()
    challenge = ma.fields.String(metadata={"description": N_("where a proof of work begins, if one is asked for")})
    errors = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())


class JsonParser(FlaskParser):
    """webargs' parser that answers 400 to every body which Python cannot decode."""

    def load_json(self, req: Any, schema: Any) -> Any:  # noqa: ARG002 - signature of webargs
        """Return the body as JSON, or answer 400: nested too deeply, a number too long, not JSON."""
        if not is_json_request(req) or not req.get_data():
            return ma.missing
        try:
            return req.get_json()
        except (BadRequest, RecursionError, ValueError):
            error = BadRequest("The body is not JSON that can be read.")
            error.data = {"messages": {"json": [error.description]}}  # type: ignore[attr-defined]
            raise error from None


class ApiBlueprint(SmorestBlueprint):  # type: ignore[misc]
    """A blueprint of the API. Pass schema instances, not classes, which would be instantiated on each request."""

    ARGUMENTS_PARSER = JsonParser()


class PetitionApi(Api):  # type: ignore[misc]
    """flask-smorest with problem documents in place of its own error format."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Register none: `core.error_handlers` answers with a page or a problem document."""


def problem_response(
    status: int, detail: str | None = None, errors: dict[str, str] | None = None, **members: str
) -> Response:
    """Return a problem document; `members` are further ones, or another `type`."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    response = jsonify(body | members)
    response.status_code, response.content_type = status, PROBLEM_MEDIA_TYPE
    return response


def http_error_response(error: HTTPException) -> Response:
    """Return the problem document of an HTTP error, with webargs' messages as one text per field."""
    data = getattr(error, "data", None) or {}
    messages = data.get("messages") or {}
    errors: dict[str, str] = {}
    for location in messages.values() if isinstance(messages, dict) else []:
        for field, texts in location.items() if isinstance(location, dict) else [("body", location)]:
            errors[str(field)] = " ".join(map(str, texts)) if isinstance(texts, list) else str(texts)
    detail = error.description
    if type(error) is TooManyRequests:
        detail = "Too many requests from this network. Try again later."
    response = problem_response(error.code or 500, detail, errors)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def document_problems(blueprint: Any, *statuses: int) -> Callable[[Any], Any]:
    """Add problem responses to the description of an operation."""

    def decorate(view: Any) -> Any:
        for status in statuses:
            view = blueprint.alt_response(
                status, schema=ProblemSchema, content_type=PROBLEM_MEDIA_TYPE, description=HTTPStatus(status).phrase
            )(view)
        return view

    return decorate


def document_operation(
    blueprint: Any, name: str, status: int, summary: str, **linked: dict[str, str]
) -> Callable[[Any], Any]:
    """Name and sum up an operation. `linked`: the operations that its response links to, with their parameters.

    The summary, and every description of a field, is marked by `N_`: the page translates it.
    """
    links = {other: {"operationId": other, "parameters": parameters} for other, parameters in linked.items()}
    return blueprint.doc(operationId=name, summary=summary, responses={status: {"links": links}} if links else {})


@docs.get("/docs")
def page() -> str:
    """Show the API documentation, with an example of each operation."""
    return render_template(
        "api/docs.html", spec=current_app.extensions["petition.api"].spec.to_dict(), example_slug=EXAMPLE_SLUG
    )


def register_blueprint(app: Flask, blueprint: ApiBlueprint) -> None:
    """Add a feature's blueprint to the API and its description."""
    app.extensions["petition.api"].register_blueprint(blueprint)


def _to_json_text(value: Any, indent: int | None = 2) -> str:
    """Return a value as JSON that people can read."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def init_app(app: Flask) -> None:
    """Create the API, described at /api/v1/openapi.json and documented at /api/v1/docs."""
    app.config.update(
        API_TITLE=N_("Petitions: the JSON API"),
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=API_PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {
                "description": N_(
                    "Sign, confirm, count: what the pages do, as JSON. Pages of the sites that a petition lists may "
                    "ask for what is about that petition (CORS)."
                )
            }
        },
    )
    api = PetitionApi(app)
    app.extensions["petition.api"] = api
    app.add_template_filter(_to_json_text, "json_text")
    app.register_blueprint(docs)
