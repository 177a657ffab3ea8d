"""The signatures of hosting sites under their messages; pure.

- GitHub: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
- GitLab: https://docs.gitlab.com/user/project/integrations/webhooks/ (a secret token, or a signing
  token as https://www.standardwebhooks.com has it)
- Gitea and Forgejo: https://docs.gitea.com/usage/webhooks
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

TOLERANCE_SECONDS = 300
"""The age of a message that has a time; the tolerance of the standard."""
_STANDARD_PREFIX = "whsec_"
_TIME = re.compile("[0-9]{1,15}")


def is_signed(headers: Mapping[str, str], body: bytes, secret: str, *, now: float) -> bool:
    """Whether `body` is signed with `secret`, as one of the sites does it.

    `headers` find a name in any case; `now` is in seconds since 1970. One valid signature is
    enough: sites send older ones of theirs, or of others, beside it.
    """
    key = secret.encode()
    digest = hmac.new(key, body, hashlib.sha256).hexdigest()
    given = [
        headers.get("x-hub-signature-256", "").removeprefix("sha256="),
        headers.get("x-gitea-signature", ""),
        headers.get("x-forgejo-signature", ""),
    ]
    valid = [_same(each, digest) for each in given]
    valid.append(_same(headers.get("x-gitlab-token", ""), secret))
    valid.append(_is_standard(headers, body, secret, now=now))
    return any(valid)


def _is_standard(headers: Mapping[str, str], body: bytes, secret: str, *, now: float) -> bool:
    """Whether a signature of Standard Webhooks is right, and its time is about `now`."""
    name, sent, key = (
        headers.get("webhook-id", ""),
        headers.get("webhook-timestamp", ""),
        _key(secret),
    )
    if not key or not _TIME.fullmatch(sent) or abs(now - int(sent)) > TOLERANCE_SECONDS:
        return False
    signed = f"{name}.{sent}.".encode() + body
    own = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    valid = [_same(each, f"v1,{own}") for each in given]
    return any(valid)


def _key(secret: str) -> bytes:
    """Return the key of a secret `whsec_…`, which is base64; empty for another one."""
    prefix, found, coded = secret.partition(_STANDARD_PREFIX)
    try:
        return base64.b64decode(coded, validate=True) if found and not prefix else b""
    except (binascii.Error, ValueError):
        return b""


def _same(given: str, wanted: str) -> bool:
    return bool(given) and hmac.compare_digest(given.encode(), wanted.encode())
