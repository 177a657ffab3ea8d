"""Mail: what others have written is text in it, and begins no header."""

from html.parser import HTMLParser

from deploy_project.config.values.notifications import Email
from deploy_project.notify.render.email import html, subject
from deploy_project.notify.transports.smtp import mail
from tests.support.messages import ATTACK, FAILURE, HOSTILE

TO = Email("smtp.example.com", "deploy@example.com", ("ana@example.com", "ben@example.com"))
OURS = {
    *("html", "head", "meta", "body", "h2", "h3", "table", "tr", "th", "td", "ul", "li"),
    *("code", "pre", "div", "p", "a"),
}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags = set[str]()
        self.names = set[str]()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_no_tag_of_others_is_one():
    found = Tags()
    found.feed(html(ATTACK))
    assert found.tags <= OURS
    assert found.names <= {"style", "charset", "href"}
    assert "<script>alert(1)</script>" in found.text, "it is shown as it is"


def test_a_subject_is_one_short_line():
    assert subject(FAILURE) == "production__daily failed"
    found = subject(ATTACK)
    assert found.isprintable()
    assert len(found) <= 150


def test_no_header_of_others_is_one():
    made = mail(ATTACK, TO)
    assert "Bcc" not in made
    assert "\r\nBcc:" not in made["Subject"]
    head = made.as_bytes().partition(b"\n\n")[0]
    assert not [line for line in head.splitlines() if line.lower().startswith(b"bcc")]
    assert "Bcc: all@example.com" in HOSTILE


def test_mail_that_is_tried_again_has_the_same_id():
    assert mail(FAILURE, TO)["Message-ID"] == mail(FAILURE, TO)["Message-ID"]
    assert mail(FAILURE, TO)["To"] == "ana@example.com, ben@example.com"


def test_links_are_web_addresses():
    from dataclasses import replace

    from deploy_project.notify.message import Link

    found = html(replace(FAILURE, links=(Link("Run", "javascript:alert(1)"),)))
    assert "javascript" not in found
