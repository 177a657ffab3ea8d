"""Mail by a real server on this machine, with STARTTLS and a login."""

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller  # pyright: ignore[reportMissingTypeStubs]
from aiosmtpd.smtp import AuthResult, LoginPassword  # pyright: ignore[reportMissingTypeStubs]

from deploy_project.config.values.deployment import Secret
from deploy_project.config.values.notifications import Channel, Email
from deploy_project.errors import DeliveryError
from deploy_project.notify.message import Section
from deploy_project.notify.sending import send
from tests.support.messages import ATTACK, FAILURE
from tests.support.ports import free_port

PASSWORD = "correct horse"


class Inbox:
    """Keeps the mail that comes in; refuses one recipient."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, to: str, _options: Any
    ) -> str:
        if to.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
        ],
        cwd=directory,
        check=True,
        capture_output=True,
    )
    return directory


@pytest.fixture
def server(certificate: Path) -> Iterator[tuple[Inbox, int]]:
    """A server that wants STARTTLS and a login."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")

    def login(_server: Any, _s: Any, _e: Any, _mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
        return AuthResult(success=right, handled=False)

    inbox, port = Inbox(), free_port()
    running = Controller(
        inbox,
        hostname="localhost",
        port=port,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=login,
    )
    running.start()
    yield inbox, port
    running.stop()


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.setenv("OTHER", "wrong")


def channel(port: int, *to: str, password: str = "PASSWORD", **more: Any) -> Channel:
    medium = Email(
        "localhost",
        "deploy@example.com",
        to or ("ana@example.com", "ben@example.com"),
        port,
        username="deploy",
        password=Secret(env=password),
        **more,
    )
    return Channel("mail", medium)


@pytest.mark.usefixtures("trusted")
def test_mail_arrives_as_text_and_html(server: tuple[Inbox, int]):
    inbox, port = server
    send(channel(port), FAILURE)
    (envelope,) = inbox.mails
    assert envelope.rcpt_tos == ["ana@example.com", "ben@example.com"]
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Subject"] == "production__daily failed"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    plain = mail.get_body(["plain"])
    assert plain is not None
    assert 'column "amuont" does not exist' in plain.get_content()


@pytest.mark.usefixtures("trusted")
def test_hostile_text_adds_no_header_and_no_recipient(server: tuple[Inbox, int]):
    inbox, port = server
    send(channel(port), ATTACK)
    (envelope,) = inbox.mails
    assert envelope.rcpt_tos == ["ana@example.com", "ben@example.com"]
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Bcc"] is None


@pytest.mark.usefixtures("trusted")
def test_an_encoded_word_in_a_title_stays_text(server: tuple[Inbox, int]):
    """The email package decoded it, and wrote the line breaks in it into the head of the mail."""
    inbox, port = server
    word = "=?utf-8?q?x=0D=0AReply-To=3Aboss@evil.com=0D=0A=0D=0ABODY?="
    send(channel(port), replace(FAILURE, title=f"{word} {'long ' * 20}{word}"))
    (envelope,) = inbox.mails
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["Reply-To"] is None
    assert "BODY" in mail["Subject"]


@pytest.mark.parametrize(
    "address",
    [
        "x@=?utf-8?q?evil=0D=0AReply-To=3Aboss@evil.com=0D=0A=0D=0ABODY=3Ca=3E?=",
        "=?utf-8?q?x=0Ay?=@example.com",
        "a@b@example.com",
        "a@example.com\r\nBcc: b@example.com",
    ],
)
@pytest.mark.usefixtures("trusted")
def test_what_is_no_address_is_refused(server: tuple[Inbox, int], address: str):
    """One that was kept by an earlier version began headers, or held up the messages behind it."""
    inbox, port = server
    with pytest.raises(DeliveryError, match="is no address of mail") as raised:
        send(channel(port, "ana@example.com", address), FAILURE)
    assert raised.value.is_refusal
    assert inbox.mails == []


@pytest.mark.usefixtures("trusted")
def test_a_text_that_no_mail_can_have_is_refused(server: tuple[Inbox, int]):
    with pytest.raises(DeliveryError, match="can't be written as mail") as raised:
        send(channel(server[1]), replace(FAILURE, sections=(Section("\ud800", ()),)))
    assert raised.value.is_refusal


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_told(server: tuple[Inbox, int]):
    with pytest.raises(DeliveryError, match="refuses the login") as raised:
        send(channel(server[1], password="OTHER"), FAILURE)
    assert "wrong" not in str(raised.value)


@pytest.mark.usefixtures("trusted")
def test_a_recipient_that_is_refused_is_told(server: tuple[Inbox, int]):
    inbox, port = server
    with pytest.raises(DeliveryError, match=r"nobody@example\.com is refused"):
        send(channel(port, "nobody@example.com"), FAILURE)
    assert inbox.mails == []


@pytest.mark.usefixtures("trusted")
def test_mail_that_one_of_two_has_got_is_not_tried_again(server: tuple[Inbox, int]):
    inbox, port = server
    remark = send(channel(port, "nobody@example.com", "ana@example.com"), FAILURE)
    assert remark == "nobody@example.com is refused (SMTP 550: no such user)"
    assert [each.rcpt_tos for each in inbox.mails] == [["ana@example.com"]]


def test_nothing_is_sent_to_a_server_that_is_not_trusted(
    server: tuple[Inbox, int], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PASSWORD", PASSWORD)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(DeliveryError, match="the certificate of localhost is not valid"):
        send(channel(server[1]), FAILURE)
    assert server[0].mails == []


def test_a_server_that_is_away_is_tried_again():
    with pytest.raises(DeliveryError, match="can't be used") as raised:
        send(Channel("mail", Email("localhost", "a@example.com", ("b@example.com",), 1)), FAILURE)
    assert not raised.value.is_refusal
