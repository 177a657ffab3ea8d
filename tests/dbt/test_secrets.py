import json
from pathlib import Path

import pytest

from deploy_project.dbt.secrets import Scrubber

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


def test_a_file_without_secrets_is_not_rewritten(tmp_path: Path):
    file = tmp_path / "manifest.json"
    file.write_text("{}", encoding="utf-8")
    before = file.stat().st_mtime_ns
    Scrubber(["hush-hush"]).directory(tmp_path)
    assert file.stat().st_mtime_ns == before
