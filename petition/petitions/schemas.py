"""Schemas of the API's answers about petitions."""

import marshmallow as ma
from marshmallow import validate

from petition.core.i18n import LANGUAGES, N_
from petition.petitions.models import KINDS, LISTINGS


class CountSchema(ma.Schema):
    """The exact count. `confirmed` is people and organisations; `paper` is shown apart."""

    confirmed = ma.fields.Integer(required=True)
    people = ma.fields.Integer(required=True)
    organisations = ma.fields.Integer(required=True)
    paper = ma.fields.Integer(required=True)
    goal = ma.fields.Integer(required=True, metadata={"description": N_("the next goal")})


class PetitionSchema(ma.Schema):
    """A petition in one language, without its text."""

    slug = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, validate=validate.OneOf(KINDS))
    state = ma.fields.String(required=True, validate=validate.OneOf(["open", "closed"]))
    title = ma.fields.String(required=True)
    summary = ma.fields.String(required=True)
    addressee = ma.fields.String(required=True)
    sender_name = ma.fields.String(required=True)
    language = ma.fields.String(required=True)
    languages = ma.fields.List(ma.fields.String(), required=True)
    closes_on = ma.fields.Date(required=True, allow_none=True)
    delivered_on = ma.fields.Date(
        required=True, allow_none=True, metadata={"description": N_("the day on which the signatures were handed over")}
    )
    won_on = ma.fields.Date(
        required=True, allow_none=True, metadata={"description": N_("the day on which what it asks for was granted")}
    )
    count = ma.fields.Nested(CountSchema, required=True)


class FullPetitionSchema(PetitionSchema):
    """A petition in one language, with its text and the details that it asks signers for."""

    body = ma.fields.String(required=True, metadata={"description": N_("Markdown")})
    body_html = ma.fields.String(required=True, metadata={"description": N_("sanitised HTML")})
    asks = ma.fields.List(ma.fields.String(), required=True)
    professions = ma.fields.List(ma.fields.String(), required=True)
    listing = ma.fields.String(required=True, validate=validate.OneOf(LISTINGS))
    accepts_organisations = ma.fields.Boolean(required=True)
    named_total = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": N_("how many must have signed, for signers who choose to be named only then")},
    )
    named_profession = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": N_("the same, of one profession")}
    )
    passes_on_to = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={"description": N_("whom signers may agree to be passed on to; null: they are not asked")},
    )


class MomentSchema(ma.Schema):
    """The signatures confirmed within an hour or a day that begins at a moment."""

    starts_at = ma.fields.String(required=True, metadata={"description": N_("ISO 8601, in the petition’s time zone")})
    confirmed = ma.fields.Integer(required=True)


class ValueSchema(ma.Schema):
    """How many gave an answer."""

    value = ma.fields.String(required=True)
    confirmed = ma.fields.Integer(required=True)


class GroupSchema(ma.Schema):
    """The answers that at least `min_group` people gave; those of all others, and those without one."""

    values = ma.fields.List(ma.fields.Nested(ValueSchema), required=True)
    other = ma.fields.Integer(required=True)
    not_given = ma.fields.Integer(required=True)


class StatisticsSchema(ma.Schema):
    """A petition's statistics for everybody, with no small group of people."""

    as_of = ma.fields.DateTime(required=True)
    min_group = ma.fields.Integer(required=True)
    count = ma.fields.Nested(CountSchema, required=True)
    confirmed_earlier = ma.fields.Integer(
        required=True, metadata={"description": N_("confirmed before the first of the days")}
    )
    days = ma.fields.List(ma.fields.Nested(MomentSchema), required=True)
    hours = ma.fields.List(ma.fields.Nested(MomentSchema), required=True)
    groups = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Nested(GroupSchema), required=True)


class LanguageQuery(ma.Schema):
    """Which language to answer in."""

    lang = ma.fields.String(
        validate=validate.OneOf(tuple(LANGUAGES)),
        metadata={"description": N_("else the browser's, else the site's own")},
    )
