import html
import json
import shlex
import tracemalloc
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from urllib.parse import quote_plus, urlencode

import pytest

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
