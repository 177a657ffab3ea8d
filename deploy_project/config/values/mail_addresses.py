"""The form of mail addresses, in ASCII alone; pure."""

import re

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_NAME = re.compile(rf"(?!-){_ATOM}(?:\.{_ATOM})*")  # programs take a hyphen for an option
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+\Z){_LABEL}")
_ENCODED_WORD = "=?"
_LONGEST, _LONGEST_NAME = 254, 64


def mail_address(text: str) -> str | None:
    """Return a mail address as headers and servers have it; None for a text that is none.

    It is a dot-atom, one @ and a name of labels (RFC 5322, 3.4.1), without comments, quotes and
    IP addresses. A name of a machine that is not ASCII is encoded by IDNA.
    """
    name, _, host = text.partition("@")
    host = host if host.isascii() else _encoded(host)
    # The email package decodes encoded words in addresses, too: they hold line breaks.
    if _ENCODED_WORD in name or len(name) > _LONGEST_NAME or len(name) + len(host) >= _LONGEST:
        return None
    is_one = _NAME.fullmatch(name) is not None and _HOST.fullmatch(host) is not None
    return f"{name}@{host}" if is_one else None


def _encoded(host: str) -> str:
    """Return a name in ASCII; empty for one that IDNA would make another name of."""
    try:
        found = host.encode("idna")
        return found.decode("ascii") if found.decode("idna") == host.lower() else ""
    except UnicodeError:
        return ""
