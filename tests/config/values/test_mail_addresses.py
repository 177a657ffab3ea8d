"""Mail addresses: whatever is taken for one makes one header, of one recipient."""

from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage

import pytest

from deploy_project.config.values.mail_addresses import mail_address

INJECTION = "x@=?utf-8?q?evil=0D=0AReply-To=3Aboss@evil.com=0D=0A=0D=0ABODY=3Ca=3E?="


@pytest.mark.parametrize(
    "text",
    [
        *("ana@example.com", "a.b+c_d@mail.example-shop.co", "root@localhost", "o'neil@a.b"),
        *("!#$%&'*+/=?^_`{|}~-.x@b.de".replace("=?", "?="), "a@1.example", "a@xn--bcher-kva.de"),
        f"{'a' * 64}@{'b' * 63}.de",
    ],
)
def test_addresses(text: str):
    assert mail_address(text) == text
    name, _, host = text.partition("@")
    made = EmailMessage(policy.default)
    made["To"] = [Address("", name, host)]
    made.set_content("text")
    found = message_from_bytes(made.as_bytes(), policy=policy.default)
    assert [each.addr_spec for each in found["To"].addresses] == [text]


def test_a_machine_that_is_not_ascii_is_encoded():
    assert mail_address("ana@bücher.de") == "ana@xn--bcher-kva.de"
    assert mail_address("ana@Bücher.de") == "ana@xn--bcher-kva.de"


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "a@", "@b.de", "ana", "a@b@c.de", "a b@c.de", "a@b c.de", "a@b.de ", " a@b.de"),
        *("a@-b.de", "a@b-.de", "a@b..de", "a@.de", "a@b.de.", "-oQ@b.de", ".a@b.de", "a.@b.de"),
        *("a..b@c.de", "a@b_c.de", "a@1.2.3.4", "a@[1.2.3.4]", "a@[::1]", '"a b"@c.de', "a@b.de,c"),
        *("a@b.de\n", "a\r\nBcc: c@d.de@b.de", "a@b.de\r\nBcc: c@d.de", "a\0@b.de", "a\x7f@b.de"),
        *("Ana <a@b.de>", "<a@b.de>", "a(b)@c.de", "a@b.de(c)", "a,b@c.de", "a;b@c.de", "a:b@c.de"),
        *(INJECTION, "=?utf-8?q?x=0Ay?=@b.de", "x.=?utf-8?q?x=0Ay?=@b.de", "x@=?utf-8?q?b?=.de"),
        *(
            "ä@b.de",
            "a@b.de\u202e",
            "a@\ud800.de",
            "\ud800@b.de",
            "a@stra\u00dfe.de",
            "a@b\u3002de",
        ),
        *("a@\uff42.de", "a@\u2100.de", "a@b\u00ad.de", "a\uff20b.de", "a\u2028@b.de"),
        *(f"{'a' * 65}@b.de", f"a@{'b' * 64}.de", "a@" + "b." * 126 + "de", f"a@{'ü' * 70}.de"),
    ],
)
def test_texts_that_are_none(text: str):
    assert mail_address(text) is None
