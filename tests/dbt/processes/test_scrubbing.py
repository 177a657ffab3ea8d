import html
import json
import re
import shlex
import time
import tracemalloc
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import escape

from deploy_project.dbt.processes.scrubbing import MASK, Scrubber

SECRET = 'p@ss "wörd"/1'


@pytest.mark.parametrize(
    ("secrets", "text", "expected"),
    [
        ([], "nothing to hide", "nothing to hide"),
        (["hush-hush"], "say hush-hush twice: hush-hush", "say ***** twice: *****"),
        ([SECRET], f"plain {SECRET}", "plain *****"),
        ([SECRET], json.dumps({"password": SECRET}), '{"password": "*****"}'),
        ([SECRET], "https://me:p%40ss%20%22w%C3%B6rd%22%2F1@host", "https://me:*****@host"),
        (["first line\nsecond line"], "ERROR: second line", "ERROR: *****"),
        (["first line\nsecond line"], "first line\nsecond line", "*****"),
        (["secret", "secret-and-more"], "secret-and-more", "*****"),
        (["no"], "no secret is this short", "no secret is this short"),
        ([""], "empty", "empty"),
    ],
    ids=[
        *("none", "every occurrence", "as it is", "in JSON", "in a URL", "a line of it"),
        *("all of it", "the longest first", "short", "empty"),
    ],
)
def test_text_is_scrubbed(secrets: list[str], text: str, expected: str):
    assert Scrubber(secrets).text(text) == expected


KEY = "it's <a&b>/c+d=é"


@pytest.mark.parametrize(
    "spelled",
    [
        json.dumps(KEY, ensure_ascii=False),
        repr([KEY]),
        repr(KEY.encode()),
        "'it''s <a&b>/c+d=é'",
        shlex.quote(KEY),
        html.escape(KEY),
        quote_plus(KEY),
        urlencode({"key": KEY}).lower(),
        *(b64encode(f"{user}:{KEY}!".encode()).decode() for user in ("me", "you", "them")),
        urlsafe_b64encode(f"me:{KEY}".encode()).decode(),
    ],
)
def test_a_secret_is_found_however_it_is_spelled(spelled: str):
    """An error quoted the Authorization header that it had sent."""
    scrubbed = Scrubber([KEY]).text(spelled)
    assert MASK in scrubbed
    left = scrubbed.replace(MASK, "")
    assert len(left) <= len(spelled) - len(KEY)
    assert not any(part in left for part in ("a&b", "c+d", "it"))


def in_html(text: str) -> str:
    return str(escape(text))


def in_url(text: str) -> str:
    return quote(text, safe="!$&'()*+,;=")


def in_javascript(text: str) -> str:
    """Return JSON as it stands in a page: Jinja's `tojson`, Go, Rails and PHP write it so."""
    return htmlsafe_json_dumps(text)[1:-1]


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def in_capitals(text: str) -> str:
    return re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), text)


SPELLINGS: list[tuple[Callable[[str], str], ...]] = [
    (in_javascript,),
    (in_javascript, in_capitals),
    (in_json, in_json),
    (in_json, in_json, in_json),
    (in_javascript, in_json),
    (in_html,),
    (html.escape, lambda text: text.replace("&#x27;", "&apos;")),
    (in_html, in_html),
    (in_html, in_json),
    (in_url,),
    (quote_plus, quote_plus),
    (in_url, quote_plus, str.lower),
    (quote_plus, quote_plus, quote_plus),
    (in_json, quote_plus),
    (lambda text: text.replace("\\", "/"),),
    (lambda text: text.replace("\\", "/"), quote_plus),
    (repr, in_json),
    (ascii,),
    (shlex.quote, in_json),
    (lambda text: text.replace("'", "''"), in_json),
    (lambda text: text.replace('"', '""'),),
    (lambda text: "".join(f"&#{ord(each)};" if each in "<>&'\"" else each for each in text),),
    (lambda text: "".join(f"&#x{ord(each):X};" if not each.isalnum() else each for each in text),),
]
AWKWARD = ("c:\\users\\x!$&'()*+,;=<b>\"@/?#[]é%", "it's <a&b>/c+d=é", 'p@ss "wörd"/1', "\\\\x'y'")


@pytest.mark.parametrize("secret", AWKWARD)
@pytest.mark.parametrize("ways", SPELLINGS)
def test_a_secret_is_found_in_spellings_of_spellings(
    secret: str, ways: tuple[Callable[[str], str], ...], tmp_path: Path
):
    """Other programs escape more than they must, and what they have escaped is escaped again."""
    secret = secret.lower()
    spelled = reduce(lambda text, way: way(text), ways, secret)
    whole = r"""said [\\'"]*\*{5}[\\'"]* once"""
    assert re.fullmatch(whole, Scrubber([secret]).text(f"said {spelled} once"))
    file = tmp_path / "log"
    file.write_text(f"said {spelled} once", encoding="utf-8")
    Scrubber([secret]).file(file)
    assert re.fullmatch(whole, file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("before", range(60))
@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n"])
def test_a_secret_in_wrapped_base64_is_found(before: int, end: str, tmp_path: Path):
    """`base64` and MIME break lines at 76 letters, PEM at 64, wherever that is in a secret."""
    secret = "correct/horse+battery?staple"
    coded = b64encode(b"x" * before + secret.encode() + b"y" * 80).decode()
    wrapped = end.join(coded[at : at + 76] for at in range(0, len(coded), 76))
    core = b64encode(b"x" * (before - before % 3 + 3) + secret.encode()).decode()[-30:-2]
    assert MASK in Scrubber([secret]).text(wrapped)
    file = tmp_path / "log"
    file.write_text(wrapped, encoding="utf-8")
    Scrubber([secret]).file(file)
    assert core not in file.read_text(encoding="utf-8").replace(end, "")


@pytest.mark.parametrize("width", [64, 76])
@pytest.mark.parametrize("before", range(0, 60, 3))
def test_lines_of_wrapped_base64_are_scrubbed_one_by_one(before: int, width: int):
    """A step's console comes line by line; each half of the secret is told by itself."""
    secret = "correct/horse+battery?staple"
    coded = b64encode(b"x" * before + secret.encode() + b"y" * 80).decode()
    lines = [coded[at : at + width] for at in range(0, len(coded), width)]
    hidden = Scrubber([secret])
    left = "".join(hidden.text(line) for line in lines)
    whole = b64encode(secret.encode()).decode().rstrip("=")[:-1]
    pieces = [whole[at : at + 6] for at in range(len(whole) - 5)]
    assert not [each for each in pieces if each in left]


@pytest.mark.parametrize(
    "line",
    [
        "Completed successfully",
        "12:00:01  1 of 20 OK created sql view model main.orders ..... [OK in 0.10s]",
        "    select * from orders",
        "",
        "\n",
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY3ODkwQUJDREVGR0hJSktMTU5P",
    ],
)
def test_other_lines_stay_as_they_are(line: str):
    assert Scrubber(["correct/horse+battery?staple", KEY, SECRET]).text(line) == line


def test_a_long_secret_costs_no_time_before_it_is_met():
    """A key file has many lines; patterns of all would take a second, in each process."""
    key = "\n".join(f"{number:064}" for number in range(200))
    hidden = Scrubber([key])
    assert hidden.text(f"line {7:064} of it") == "line ***** of it"
    compiled = [each for _, each in hidden._in_text._guards if "spelled" in each.__dict__]
    assert len(compiled) < 10


def test_what_only_looks_like_a_pattern_is_taken_literally(tmp_path: Path):
    secret, file = r"a+b.(c)*[d]\w$|", tmp_path / "log"
    file.write_text(f"aab.c {secret} {secret}|", encoding="utf-8")
    Scrubber([secret]).file(file)
    assert file.read_text(encoding="utf-8") == "aab.c ***** *****|"


def test_every_file_of_a_directory_is_scrubbed(tmp_path: Path):
    (tmp_path / "target" / "compiled").mkdir(parents=True)
    sql, log = tmp_path / "target" / "compiled" / "a.sql", tmp_path / "dbt.log"
    sql.write_text(f"select '{SECRET}'", encoding="utf-8")
    log.write_bytes(b"\xff not UTF-8, but " + SECRET.encode())
    Scrubber([SECRET]).directory(tmp_path)
    assert sql.read_text(encoding="utf-8") == "select '*****'"
    assert log.read_bytes() == b"\xff not UTF-8, but *****"


@pytest.mark.parametrize("secret", ["true", "null", "1234", "name", "hush-hush"])
def test_a_scrubbed_artifact_is_still_json(tmp_path: Path, secret: str):
    """A secret that looked like a number broke `run_results.json`, and the run with it."""
    file = tmp_path / "run_results.json"
    content = {
        "name": secret,
        "list": [f"a {secret} b"],
        "ok": True,
        "none": None,
        "seconds": 0.12345,
    }
    file.write_text(json.dumps(content), encoding="utf-8")
    Scrubber([secret]).file(file)
    found = json.loads(file.read_bytes())
    assert secret not in json.dumps([*found.values()][:2])
    assert (found["ok"], found["none"], found["seconds"]) == (True, None, 0.12345)


def test_what_only_calls_itself_json_is_scrubbed_too(tmp_path: Path):
    file = tmp_path / "half.json"
    file.write_text('{"password": "hush-hush', encoding="utf-8")
    Scrubber(["hush-hush"]).file(file)
    assert file.read_text(encoding="utf-8") == '{"password": "*****'


@pytest.mark.parametrize("before", range(10, 30))
def test_a_secret_across_two_chunks_of_a_file_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int
):
    monkeypatch.setattr("deploy_project.dbt.processes.scrubbing.CHUNK", 25)
    file = tmp_path / "dbt.log"
    file.write_text(f"{'x' * before}{SECRET}{'y' * 40}{SECRET}", encoding="utf-8")
    assert Scrubber([SECRET]).is_in(file)
    Scrubber([SECRET, "xyz-no-such"]).directory(tmp_path)
    assert file.read_text(encoding="utf-8") == f"{'x' * before}*****{'y' * 40}*****"
    assert list(tmp_path.iterdir()) == [file]


def test_a_large_log_is_scrubbed_a_chunk_at_a_time(tmp_path: Path):
    file, line = tmp_path / "dbt.log", "something that dbt has done, at length\n"
    file.write_text(line * 400_000 + SECRET, encoding="utf-8")
    tracemalloc.start()
    Scrubber([SECRET]).file(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not Scrubber([SECRET]).is_in(file)
    assert peak < file.stat().st_size / 2


def test_a_file_without_secrets_is_not_rewritten(tmp_path: Path):
    file = tmp_path / "manifest.json"
    file.write_text("{}", encoding="utf-8")
    before = file.stat().st_mtime_ns
    Scrubber(["hush-hush"]).directory(tmp_path)
    assert file.stat().st_mtime_ns == before


def test_long_lines_take_time_by_their_length():
    """A line of a megabyte, and something after it, was searched from each of its letters on."""
    scrubber = Scrubber(["hush-hush"])

    def cpu(letters: int) -> float:
        text = f"{'x' * letters} said\n"
        began = time.process_time()
        for _ in range(20):
            scrubber.text(text)
        return time.process_time() - began

    cpu(1000)
    assert cpu(400_000) < 40 * cpu(40_000)


def test_json_that_is_too_deep_is_scrubbed_as_text(tmp_path: Path):
    """A pull request can leave such an artifact, and its run ended in a traceback."""
    file = tmp_path / "run_results.json"
    file.write_text("[" * 100_000 + '"hush-hush"', encoding="utf-8")
    Scrubber(["hush-hush"]).file(file)
    assert file.read_text(encoding="utf-8").endswith(f'"{MASK}"')
