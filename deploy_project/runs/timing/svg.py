"""The few elements of SVG that the pictures of a run are made of."""

import re
import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Literal

# Middle tones, and no background: the picture stands on a light page as well as on a dark one.
_STYLE = """
text{font:11px ui-sans-serif,system-ui,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;fill:#7a828e}
.title{font-size:14px;font-weight:600}
.grid{stroke:#7a828e;stroke-opacity:.3}
.next{stroke:#7a828e;stroke-dasharray:3 3}
.success{fill:#2f8f5b}.warn{fill:#e0a52e}.error{fill:#d13b33}.skipped{fill:#98a0aa}
.merged{fill-opacity:.6}
.outline{fill:none}.critical{stroke:#a65cf5;stroke-width:2.5}
.on{fill:#fff}.on.warn,.on.skipped{fill:#1c1f23}
""".replace("\n", "")
_INVALID = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(parts: Iterable[str], *, width: float, height: float) -> str:
    """Return the picture that consists of `parts`."""
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">'
    )
    return "\n".join([opening, f"<style>{_STYLE}</style>", *parts, "</svg>", ""])


def box(*, x: float, y: float, width: float, height: float, kind: str) -> str:
    """Return a rectangle that looks like `kind`, which are classes of the style sheet."""
    size = f'width="{width:.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} rx="2" class="{kind}"/>'


def upright(*, x: float, top: float, bottom: float, kind: str) -> str:
    """Return a vertical line."""
    return f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" class="{kind}"/>'


def words(
    text: str,
    *,
    x: float,
    y: float,
    kind: str = "",
    anchor: Literal["start", "middle", "end"] = "start",
) -> str:
    """Return a line of text with its start, middle or end at `x`."""
    attributes = f' class="{kind}"' if kind else ""
    attributes += f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{content(text)}</text>'


def content(text: str) -> str:
    """Return `text` as XML content; characters that XML can't hold are replaced."""
    return escape(_INVALID.sub("\ufffd", text))


def fitting(text: str, width: float) -> str:
    """Return as much of `text` as fits into `width`; nothing when that says too little."""
    if _length(text) <= width:
        return text
    room = width - _length("…")
    kept = ""
    for letter in text:
        room -= _length(letter)
        if room < 0:
            break
        kept += letter
    return f"{kept}…" if len(kept) >= 7 else ""


def cut(text: str, length: int) -> str:
    """Return at most `length` letters of `text`."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _length(text: str) -> float:
    """Return the approximate width of `text` in pixels; fonts differ, so rather too much."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return 6.4 * len(text) + 5.6 * wide
