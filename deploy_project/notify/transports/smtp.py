"""The SMTP client for mail, and the only door to mail servers."""

import smtplib
import ssl
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from pydantic import SecretStr

from deploy_project.config.values.mail_addresses import mail_address
from deploy_project.config.values.notifications import Email
from deploy_project.errors import DeliveryError
from deploy_project.notify.message import Message
from deploy_project.notify.render.email import html, subject
from deploy_project.notify.render.text import text

TIMEOUT = 10.0
"""Seconds for each answer of the server."""
_SAID = 200


@dataclass(frozen=True)
class Login:
    """The login at a mail server."""

    username: str
    password: SecretStr


def mail(message: Message, to: Email) -> EmailMessage:
    """Return a message as mail; tried again it has the same id, for programs to drop one of both.

    No text begins a header of its own: each is one line, without an encoded word. Raises
    `DeliveryError` for a sender or recipient that is no address, whoever has kept it.
    """
    made = EmailMessage(policy.default)  # whose headers are ASCII
    sender = _address(to.sender)
    made["Subject"] = subject(message)
    made["From"] = sender
    made["To"] = [_address(each) for each in to.recipients]
    made["Date"] = format_datetime(message.at)
    host = sender.domain
    of = (message.run_id or str(message.at.timestamp()), message.part, message.condition)
    made["Message-ID"] = f"<{'.'.join(filter(None, of))}@{host}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(text(message))
    made.add_alternative(html(message), subtype="html")
    return made


def _address(text: str) -> Address:
    found = mail_address(text)
    if found is None:
        raise DeliveryError(f"{text!r} is no address of mail", is_refusal=True)
    name, _, host = found.partition("@")
    return Address("", name, host)


def _encoded(message: Message, to: Email) -> bytes:
    try:
        return mail(message, to).as_bytes(policy=policy.SMTP)
    except ValueError as error:
        raise DeliveryError(f"it can't be written as mail: {error}", is_refusal=True) from None


def send(message: Message, to: Email, login: Login | None) -> str:
    """Hand a message over to the mail server; return the recipients that it has refused, in words.

    Raises `DeliveryError` when it is taken for nobody: those who have got it must not get it again.
    With `starttls` nothing is sent to a server that has no valid certificate for its name.
    """
    content = _encoded(message, to)
    sender, *recipients = (_address(each).addr_spec for each in (to.sender, *to.recipients))
    try:
        with smtplib.SMTP(to.host, to.port, timeout=TIMEOUT) as server:
            if to.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if login is not None:
                server.login(login.username, login.password.get_secret_value())
            refused = server.sendmail(sender, recipients, content)
    except smtplib.SMTPRecipientsRefused as error:
        raise DeliveryError(_refused(error.recipients), is_refusal=True) from None
    except smtplib.SMTPAuthenticationError as error:
        raise DeliveryError(
            f"{to.host} refuses the login (SMTP {error.smtp_code}); check `username` and `password`"
        ) from None
    except smtplib.SMTPNotSupportedError as error:
        raise DeliveryError(f"{to.host} can't do it: {error}; check `security`") from None
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(
            f"{to.host} answers SMTP {error.smtp_code}: {_words(error.smtp_error)}",
            is_refusal=error.smtp_code >= 500,
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise DeliveryError(
            f"the certificate of {to.host} is not valid: {error.verify_message}"
        ) from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise DeliveryError(
            f"{to.host}:{to.port} can't be used: {str(error)[:_SAID] or type(error).__name__}"
        ) from None
    return _refused(refused)


def _refused(recipients: dict[str, tuple[int, bytes]]) -> str:
    return "; ".join(
        f"{address} is refused (SMTP {code}: {_words(said)})"
        for address, (code, said) in recipients.items()
    )


def _words(said: bytes | str) -> str:
    shown = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join("".join(c if c.isprintable() else " " for c in shown).split())[:_SAID]
