"""The Content-Security-Policy of pages: their own scripts run, and no others; pure."""

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256

_INLINE = "<{0}\\b[^>]*>(.*?)</{0}"
_SCRIPT, _STYLE = (
    re.compile(_INLINE.format(name).encode(), re.DOTALL | re.IGNORECASE)
    for name in ("script", "style")
)
_ALWAYS = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def of_page(page: bytes) -> str:
    """Return the policy of a page of ours: it has styles, and no scripts."""
    return f"{_ALWAYS}; style-src {' '.join(_hashes(_STYLE, page))}"


def of_docs(index: bytes) -> str:
    """Return the policy of a docs site: dbt's own page, which reads two files beside it.

    Texts of the project become HTML in it, so its scripts are named by their hashes: an attribute
    such as `onerror`, a `javascript:` address or another script is not run. What it shows may have
    pictures of other sites.
    """
    scripts = " ".join(_hashes(_SCRIPT, index))
    return (
        f"{_ALWAYS}; script-src {scripts}; style-src 'unsafe-inline'; connect-src 'self'; "
        "img-src 'self' data: https:; font-src data:"
    )


def _hashes(of: re.Pattern[bytes], page: bytes) -> Iterator[str]:
    found = of.findall(page)
    yield from (f"'sha256-{b64encode(sha256(each).digest()).decode()}'" for each in found)
    if not found:
        yield "'none'"
