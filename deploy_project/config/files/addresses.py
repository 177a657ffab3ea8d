"""The syntax checks of URLs: their characters, host and port; pure, apart from `web`."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy_project.config.files.documents import Place
from deploy_project.config.files.problems import Problems

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_IMPOSSIBLE = re.compile(r"[\x00-\x20\x7f<>\"\\^`{|}]|\s")
_LABEL = r"[^\W_](?:[\w-]*\w)?"
_HOST = re.compile(rf"(?:_?{_LABEL}\.)*_?{_LABEL}\.?|\[[0-9A-Fa-f:.]+\]")
_LONGEST_HOST = 253
_WITHOUT_HOST = ("file",)


@dataclass(frozen=True)
class UrlFault:
    """The fault of a URL, worded for a message, and its remedy."""

    what: str
    remedy: str


def is_host(name: str) -> bool:
    """Return whether a text could be the name or address of a machine."""
    return len(name) <= _LONGEST_HOST and _HOST.fullmatch(name) is not None


def url_fault(text: str) -> UrlFault | None:
    """Return the fault of a URL; None for one that can be asked."""
    wrong = UrlFault("is not a URL", "correct it")
    scheme, _, rest = text.partition("://")
    if not _SCHEME.fullmatch(scheme) or _IMPOSSIBLE.search(text):
        return wrong
    try:
        url = urlsplit(text)
    except ValueError:
        return wrong
    if scheme in _WITHOUT_HOST:
        return None if rest else wrong
    _, _, host = url.netloc.rpartition("@")
    name, port = host, None
    if not host.endswith("]"):
        name, separator, written = host.rpartition(":")
        name, port = (name, written) if separator else (host, None)
    if not is_host(name):
        return wrong
    if port is not None and not _is_port(port):
        return UrlFault("has no valid port", "write a number from 1 to 65535 after the host")
    return None


def is_web_address(text: str) -> bool:
    """Return whether HTTP can ask a text as it stands: ASCII, and without credentials."""
    is_web = text.isascii() and re.match("https?://", text, re.IGNORECASE) is not None
    return is_web and "@" not in text and url_fault(text) is None


def _is_port(text: str) -> bool:
    return re.fullmatch("[0-9]{1,5}", text) is not None and 1 <= int(text) <= 0xFFFF


def web(place: Place, text: str, problems: Problems) -> str:
    """Return the address of a web server without a slash at its end."""
    wrong = UrlFault("is not a web address", "write https://host/path, without credentials")
    fault: UrlFault | None = wrong
    if re.fullmatch(r"https?://[^/\s@?#]+(/\S*)?", text):
        fault = url_fault(text)
    if fault is not None:
        what = wrong.what if "port" not in fault.what else fault.what
        problems.add(place, what, remedy=fault.remedy if what is fault.what else wrong.remedy)
    return text.rstrip("/")
