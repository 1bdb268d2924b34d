"""What every page of Assay shares: the environment of its template, and a policy under which nothing acts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from assay.foundation.text import visible

if TYPE_CHECKING:
    from assay.publishing.sheet import Drawn

# A page may style itself and do nothing else: no script, no request, no frame, no form.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_ZOOM = 1.5 / 16.0


def width(figure: Drawn) -> str:
    """Return how wide a figure stands on a page: one and a half times its size in print."""
    box = re.search(r'viewBox="[^ "]+ [^ "]+ ([0-9.]+) ', figure.panels[0] if figure.panels else "")
    return f"{float(box[1]) * _ZOOM:.1f}rem" if box else "30rem"


def environment() -> Environment:
    """Return a template environment: everything is escaped, and an unknown name is an error."""
    made = Environment(
        loader=PackageLoader("assay.publishing"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["raw_svg"] = Markup
    return made


def _visible(value: Any) -> Any:
    """Write out control characters in whatever a template prints; markup is ours and stays."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
