"""From matplotlib's SVG to a small one that can stand in a page: no style sheet, no foreign names."""

from __future__ import annotations

import re
from typing import NamedTuple

_FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"
_ROOT = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'stroke-linejoin="round" stroke-linecap="butt"'
)


class Box(NamedTuple):
    """A rectangle of the drawing in points, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


def tidy(svg: str) -> str:
    """Return the content of the root element: coordinates to 1/100 point, one font for all text."""
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"; font-family: [^;\"]*|font-family: [^;\"]*; ", "", body)
    body = re.sub(r' (?:x|y|width|height|transform)="[^"]*"', _rounded, body)
    body = re.sub(r' d="([^"]*)"', lambda match: f' d="{_shorter(match.group(1))}"', body)
    body = re.sub(r"<defs>\s*</defs>", "", body)
    return re.sub(r"\n\s*", "\n", body).strip()


def standalone(body: str, box: Box, title: str, description: str) -> str:
    """Return a whole SVG file of a tidy body; the texts must be escaped."""
    size = f'width="{box.width:g}pt" height="{box.height:g}pt" viewBox="0 0 {box.width:g} {box.height:g}"'
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'{_ROOT} {size} font-family="{_FONTS}" role="img">\n'
        f"<title>{title}</title>\n<desc>{description}</desc>\n{body}\n</svg>\n"
    )


def cropped(body: str, names: dict[str, Box], prefix: str) -> list[str]:
    """Return one SVG for each named group, showing its box; ids begin with `prefix`.

    The pieces share definitions and belong into one page, where a reference to a definition in a
    neighbour holds.
    """
    body = re.sub(r'( id="|url\(#|xlink:href="#)', rf"\1{prefix}-", body)
    clips = dict(re.findall(r'(<clipPath id="([^"]+)">.*?</clipPath>)', body, flags=re.DOTALL))
    by_id = {name: text for text, name in clips.items()}
    pieces = []
    for name, box in names.items():
        group = _group(body, f"{prefix}-{name}")
        used = sorted(set(re.findall(r"url\(#([^)]+)\)", group)))
        defs = "".join(by_id[clip] for clip in used if clip in by_id)
        view = f"{box.x:g} {box.y:g} {box.width:g} {box.height:g}"
        pieces.append(
            f'<svg viewBox="{view}" stroke-linejoin="round" stroke-linecap="butt" aria-hidden="true" '
            f'focusable="false"><defs>{defs}</defs>{group}</svg>'
        )
    return pieces


def _group(body: str, name: str) -> str:
    """Return the text of the group with this id, its children included."""
    start = body.index(f'<g id="{name}">')
    depth = 0
    for tag in re.finditer(r"<g\b[^>]*?(/?)>|</g>", body[start:]):
        depth += -1 if tag.group(0) == "</g>" else 0 if tag.group(1) else 1
        if depth == 0:
            return body[start : start + tag.end()]
    raise ValueError(f"the group '{name}' does not end")


def _rounded(match: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda number: _number(number.group(0)), match.group(0))


def _shorter(path: str) -> str:
    """Return a path with coordinates to 1/100 point and with H and V for the level and the upright."""
    out: list[str] = []
    x = y = ""
    for command, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        values = [_number(number) for number in numbers.split()]
        if command == "L" and len(values) == 2:
            if values[1] == y:
                out.append(f"H{values[0]}" if values[0] != x else "")
            elif values[0] == x:
                out.append(f"V{values[1]}")
            else:
                out.append(f"L{values[0]} {values[1]}")
        else:
            out.append(command + " ".join(values))
        x, y = values[-2:] if len(values) >= 2 else ("", "")
    return "".join(out)


def _number(text: str) -> str:
    short = f"{float(text):.2f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short
