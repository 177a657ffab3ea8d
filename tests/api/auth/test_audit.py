import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy_project.api.auth import audit
from deploy_project.api.auth.audit import Audit, AuditLine

LINE = AuditLine("2026-11-30T12:00:00+00:00", "airflow", "trigger", "/api/x", 200, "10.0.0.7")


def lines(*files: Path) -> list[dict[str, object]]:
    return [json.loads(each) for file in files for each in file.read_text("ascii").splitlines()]


def test_each_line_is_json_of_its_own(tmp_path: Path):
    kept = Audit(tmp_path / "state" / "audit.jsonl")
    kept.write(LINE)
    kept.write(AuditLine("now", "", "GET", "/api/\n{}\u2028é", 401, "", remark="Invalid token."))
    assert lines(kept.file) == [
        {
            "at": "2026-11-30T12:00:00+00:00",
            "token": "airflow",
            "action": "trigger",
            "object": "/api/x",
            "outcome": 200,
            "address": "10.0.0.7",
        },
        {
            "at": "now",
            "action": "GET",
            "object": "/api/\n{}\u2028é",
            "outcome": 401,
            "remark": "Invalid token.",
        },
    ]
    assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600


def test_a_text_has_a_bound(tmp_path: Path):
    kept = Audit(tmp_path / "audit.jsonl")
    kept.write(AuditLine("now", "t", "GET", "/" + "x" * 100_000, 403, ""))
    assert kept.file.stat().st_size < 1_000


def test_the_file_has_a_bound_and_several_servers_write_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Lines were lost where two servers made the same file the older one."""
    monkeypatch.setattr(audit, "_LARGEST", 50_000)
    servers = [Audit(tmp_path / "audit.jsonl") for _ in range(4)]

    def write(server: int) -> None:
        for number in range(100):
            one = AuditLine("now", f"{server}", "trigger", f"{number}", 200, "")
            servers[server].write(one)

    with ThreadPoolExecutor(len(servers)) as threads:
        list(threads.map(write, range(len(servers))))
    newer, older = servers[0].file, servers[0].older
    assert sorted(each.name for each in tmp_path.iterdir()) == ["audit.1.jsonl", "audit.jsonl"] or (
        newer.stat().st_size < 50_000
    )
    found = lines(*(each for each in (older, newer) if each.exists()))
    assert len(found) == 400
    for server in range(4):
        own = [each["object"] for each in found if each["token"] == f"{server}"]
        assert own == [f"{number}" for number in range(100)]
    monkeypatch.setattr(audit, "_LARGEST", 10_000)
    for _ in range(1_000):
        servers[0].write(LINE)
    assert newer.stat().st_size <= 10_000
    assert older.stat().st_size <= 10_000


def test_a_file_that_can_not_be_written_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "audit.jsonl").mkdir()
    Audit(tmp_path / "audit.jsonl").write(LINE)
    assert "can't be written" in caplog.text
    (tmp_path / "linked").touch()
    os.symlink(tmp_path / "linked", tmp_path / "other.jsonl")
    Audit(tmp_path / "other.jsonl").write(LINE)
    assert (tmp_path / "linked").read_text() == "", "a link is not followed"
