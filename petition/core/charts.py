"""Common style of all charts: pygal SVG, legible beside a table and on a phone, with a colour-blind safe palette."""

from typing import Any

from flask import Response, current_app
from flask_babel import gettext as _
from pygal.style import Style

# Okabe and Ito's palette, which does not depend on telling red from green.
PALETTE = ("#0072b2", "#e69f00", "#009e73")
PALETTE_ON_DARK = ("#56b4e9", "#e69f00", "#009e73")
FONT_FAMILY = "system-ui, sans-serif"


# Of text, strong text and lines.
INKS = {"light": ("#495057", "#212529", "#dee2e6"), "dark": ("#aaa59a", "#e9e5dc", "#383b3c")}


def create_chart(kind: type, *, narrow: bool, dark: bool = False, **options: Any) -> Any:
    """Return an empty chart of a pygal kind, for a light page or a dark one."""
    size, (ink, strong, line) = 15 if narrow else 13, INKS["dark" if dark else "light"]
    style = Style(
        background="transparent", plot_background="transparent", colors=PALETTE_ON_DARK if dark else PALETTE,
        font_family=FONT_FAMILY,
        label_font_size=size, major_label_font_size=size, legend_font_size=size, title_font_size=size,
        no_data_font_size=size + 3,
        foreground=ink, foreground_strong=strong, foreground_subtle=line,
    )  # fmt: skip
    defaults = {
        "width": 390 if narrow else 620, "height": 340 if narrow else 260, "legend_at_bottom": True, "js": [],
        "legend_at_bottom_columns": 1 if narrow else 3, "show_minor_x_labels": False, "margin": 6,
        "truncate_label": -1, "x_labels_major_every": 8 if narrow else 4, "truncate_legend": -1,
        "no_data_text": _("Nothing yet"), "y_labels_major_count": 4, "show_minor_y_labels": False,
        "include_x_axis": True, "pretty_print": False,
    }  # fmt: skip
    return kind(style=style, **defaults | options)


def svg_response(svg: bytes, max_age_seconds: int) -> Response:
    """Return a chart as a response that a browser may cache."""
    response = current_app.response_class(svg, mimetype="image/svg+xml")
    # pygal writes its styles into the image.
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["Cache-Control"] = f"private, max-age={max_age_seconds}"
    return response
