"""One look for every figure: colours, markers, and drawings whose bytes never change."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#24292f"
MUTED = "#66707a"
RULE = "#d9dce0"

# Okabe & Ito (2008), "Color Universal Design", without the yellow that vanishes on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D")
_LINES: tuple[Any, ...] = ("solid", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
_DASHES = ("", "6 2.4", "1.6 1.8", "7 2 1.6 2")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
_GLYPHS = (
    "M4 0A4 4 0 1 1-4 0A4 4 0 1 1 4 0Z",
    "M-3.6-3.6H3.6V3.6H-3.6Z",
    "M0-4.4L4.2 3.6H-4.2Z",
    "M0-4.8L4.8 0L0 4.8L-4.8 0Z",
    "M0 4.4L4.2-3.6H-4.2Z",
    "M-1.5-4.2H1.5V-1.5H4.2V1.5H1.5V4.2H-1.5V1.5H-4.2V-1.5H-1.5Z",
    "M-4-2.2L-2.2-4L0-1.8L2.2-4L4-2.2L1.8 0L4 2.2L2.2 4L0 1.8L-2.2 4L-4 2.2L-1.8 0Z",
    "M0-4.4L4.2-1.3L2.6 3.6H-2.6L-4.2-1.3Z",
)

_DROPPED = "_drop_tables_default"  # the tables that fontTools leaves out of a subset

_RC: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.0,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8.0,
    "axes.titlepad": 4.0,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "svg.fonttype": "none",  # text stays text: searchable, small, and read aloud
    "svg.hashsalt": "assay",
    "pdf.fonttype": 42,  # TrueType, as publishers ask
    "path.simplify": True,
}


class Look(NamedTuple):
    """How one method looks: its colour, line and marker in figures; `dash` and `glyph` in HTML."""

    colour: str
    line: Any
    marker: str
    dash: str
    glyph: str


def look(index: int) -> Look:
    """Return the look of the method at this place in the study; 56 of them are distinct."""
    i, j = index % len(_LINES), index % len(_MARKERS)
    return Look(PALETTE[index % len(PALETTE)], _LINES[i], _MARKERS[j], _DASHES[i], _GLYPHS[j])


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Draw with this module's settings, whatever the user's own are; they stand again afterwards.

    matplotlib keeps its settings in one place for the process: draw in one thread at a time.
    """
    import matplotlib as mpl

    settings = {**cast("dict[str, Any]", mpl.rcParamsDefault), **_RC}
    for name in ("backend", "backend_fallback", "interactive", "toolbar", "timezone"):
        settings.pop(name, None)  # the user's affair, and without effect on a file
    with warnings.catch_warnings(), mpl.rc_context(settings):  # type: ignore[arg-type]  # names are checked there
        # A name in a script that DejaVu Sans lacks is still right in the SVG.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def to_svg(figure: Figure) -> str:
    """Return the figure as SVG text without a date."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    sink = io.StringIO()
    metadata = {"Date": None, "Creator": "Assay", "Format": None, "Type": None}
    FigureCanvasSVG(figure).print_figure(sink, format="svg", metadata=metadata)
    return sink.getvalue()


def to_pdf(figure: Figure, title: str) -> bytes:
    """Return the figure as a PDF of one page without dates."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    sink = io.BytesIO()
    metadata: dict[str, Any] = {"Title": title, "Creator": "Assay", "Producer": "Assay"}
    metadata |= {"CreationDate": None, "ModDate": None}
    with _fonts_without_layout():
        FigureCanvasPdf(figure).print_figure(sink, format="pdf", metadata=metadata)
    return _stable_font_tags(sink.getvalue())


@contextlib.contextmanager
def _fonts_without_layout() -> Iterator[None]:
    """Embed fonts without their tables for shaping text.

    The text of a PDF is shaped already, and to cut these tables down takes longer than all the rest.
    """
    from fontTools import subset  # type: ignore[import-untyped]  # it has no stubs

    kept = getattr(subset.Options, _DROPPED, None)
    if kept is None:
        yield
        return
    setattr(subset.Options, _DROPPED, [*kept, "GSUB", "GPOS", "GDEF", "kern"])
    try:
        yield
    finally:
        setattr(subset.Options, _DROPPED, kept)


def _stable_font_tags(pdf: bytes) -> bytes:
    """Name subsets of fonts in the order of appearance; some matplotlib versions name them by `hash`."""
    tags: dict[bytes, bytes] = {}

    def renamed(match: re.Match[bytes]) -> bytes:
        tag = match.group(1)
        tags.setdefault(tag, b"AAAAA" + bytes([ord("A") + len(tags)]))
        return b"/" + tags[tag] + b"+"

    return re.sub(rb"/([A-Z]{6})\+", renamed, pdf)
