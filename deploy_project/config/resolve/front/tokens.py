"""The tokens of the API in deploy.yaml, checked and resolved."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from deploy_project.config.files.deploy_file import TokenEntry
from deploy_project.config.files.documents import Place
from deploy_project.config.files.problems import Problems, shortened
from deploy_project.config.values.mail_addresses import mail_address
from deploy_project.config.values.tokens import Token

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAKE = "`deploy-project token create NAME --permission …` makes a token, and prints this line"


def tokens(entries: Mapping[str, TokenEntry], at: Place, problems: Problems) -> dict[str, Token]:
    """Return the tokens by name; note a problem for each that can't be made out."""
    found = {name: _token(name, entry, at / name, problems) for name, entry in entries.items()}
    first: dict[str, str] = {}
    for name, token in found.items():
        earlier = first.setdefault(token.sha256, name)
        if earlier != name:
            what, remedy = (
                f"is also the hash of {earlier!r}",
                "make a token for each, or remove one",
            )
            problems.add(at / name / "sha256", what, remedy=remedy)
    return found


def _token(name: str, entry: TokenEntry, at: Place, problems: Problems) -> Token:
    sha256 = entry.sha256.lower()
    if not _SHA256.fullmatch(sha256):
        problems.add(at / "sha256", "is no hash of 64 hexadecimal digits", remedy=_MAKE)
    email = None if entry.email is None else mail_address(entry.email)
    if entry.email is not None and email is None:
        remedy = "write `name@example.com`, nothing else"
        problems.add(at / "email", "is no address of mail", remedy=remedy)
    return Token(
        name=name,
        sha256=sha256,
        permissions=frozenset(entry.permissions),
        projects=_globs(entry.projects),
        environments=_globs(entry.environments),
        expires=None if entry.expires is None else _moment(at / "expires", problems),
        email=email or "",
        place=at.where,
    )


def _globs(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _moment(place: Place, problems: Problems) -> datetime | None:
    written = place.scalar
    moment = None if written is None else moment_of(written)
    if moment is None:
        remedy = "write it like 2027-06-30 or 2027-06-30T18:00:00+02:00; without a zone it is UTC"
        found = None if written is None else repr(shortened(written))
        problems.add(place, "is no time", remedy=remedy, found=found)
    return moment


def moment_of(text: str) -> datetime | None:
    """Return the time of a date or time in ISO 8601, in UTC; None when it is none.

    A date is its first moment; a time without a zone is UTC.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
