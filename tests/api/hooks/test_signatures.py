"""Signatures as the sites make them; the examples of GitHub and of the standard are their own."""

import base64
import hashlib
import hmac

import pytest
from starlette.datastructures import Headers

from deploy_project.api.hooks.signatures import TOLERANCE_SECONDS, is_signed

SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
DIGEST = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""GitHub's documentation has it, for this secret and body."""
NOW = 1_614_265_330.0
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_BODY = b'{"test": 2432232314}'
STANDARD_HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
"""The example of the Standard Webhooks specification."""


def signed(given: dict[str, str], body: bytes = BODY, secret: str = SECRET, now: float = NOW):
    return is_signed(Headers(given), body, secret, now=now)


@pytest.mark.parametrize(
    "given",
    [
        {"X-Hub-Signature-256": f"sha256={DIGEST}"},
        {"X-Gitea-Signature": DIGEST},
        {"X-Forgejo-Signature": DIGEST},
        {"X-Gitlab-Token": SECRET},
        {"X-Hub-Signature-256": "sha256=00", "X-Gitea-Signature": DIGEST},
    ],
)
def test_what_the_sites_sign_is_taken(given: dict[str, str]):
    assert signed(given)
    assert not signed(given, secret=SECRET + "!")
    if "X-Gitlab-Token" not in given:
        assert not signed(given, body=BODY + b" ")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"X-Hub-Signature": "sha1=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest()},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": f"sha256={DIGEST[:-1]}"},
        {"X-Hub-Signature-256": f"sha512={DIGEST}"},
        {"X-Gitea-Signature": DIGEST.upper()},
        {"X-Gitlab-Token": DIGEST},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": "é"},
        {"Authorization": f"Token {SECRET}"},
    ],
)
def test_anything_else_is_refused(given: dict[str, str]):
    assert not signed(given)


def test_the_standard_signature_is_taken():
    """GitLab's signing tokens."""
    for now in (NOW, NOW + TOLERANCE_SECONDS, NOW - TOLERANCE_SECONDS):
        assert signed(STANDARD_HEADERS, STANDARD_BODY, STANDARD, now)
    several = {**STANDARD_HEADERS, "webhook-signature": f"v1,AAAA v2,x {_own()}"}
    assert signed(several, STANDARD_BODY, STANDARD)


def _own() -> str:
    return STANDARD_HEADERS["webhook-signature"]


@pytest.mark.parametrize(
    ("changed", "secret", "body", "now"),
    [
        ({"webhook-id": "msg_2"}, STANDARD, STANDARD_BODY, NOW),
        ({"webhook-timestamp": "1614265331"}, STANDARD, STANDARD_BODY, NOW),
        ({"webhook-timestamp": "-1"}, STANDARD, STANDARD_BODY, NOW),
        ({"webhook-timestamp": "1" * 400}, STANDARD, STANDARD_BODY, NOW),
        ({"webhook-timestamp": "١٦١٤٢٦٥٣٣٠"}, STANDARD, STANDARD_BODY, NOW),
        ({"webhook-timestamp": ""}, STANDARD, STANDARD_BODY, NOW),
        ({"webhook-signature": "v1,"}, STANDARD, STANDARD_BODY, NOW),
        ({"webhook-signature": ""}, STANDARD, STANDARD_BODY, NOW),
        ({}, STANDARD, STANDARD_BODY + b" ", NOW),
        ({}, STANDARD, STANDARD_BODY, NOW + TOLERANCE_SECONDS + 1),
        ({}, STANDARD, STANDARD_BODY, NOW - TOLERANCE_SECONDS - 1),
        ({}, STANDARD.removeprefix("whsec_"), STANDARD_BODY, NOW),
        ({}, "whsec_no base64", STANDARD_BODY, NOW),
    ],
)
def test_the_standard_signature_holds_for_one_message_and_some_minutes(
    changed: dict[str, str], secret: str, body: bytes, now: float
):
    coded = {k: v.encode().decode("latin-1") for k, v in {**STANDARD_HEADERS, **changed}.items()}
    assert not signed(coded, body, secret, now)


def test_an_empty_key_signs_nothing():
    digest = hmac.new(b"", b"msg.1614265330." + BODY, hashlib.sha256).digest()
    given = {
        "webhook-id": "msg",
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    assert not signed(given, secret="whsec_")
    assert not signed(given)
