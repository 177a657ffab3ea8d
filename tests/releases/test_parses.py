from pathlib import Path

from deploy_project.dbt.processes.scrubbing import Scrubber
from deploy_project.releases import parses

OPEN = Scrubber([])


def parse_of(target: Path, text: str) -> Path:
    target.mkdir(parents=True, exist_ok=True)
    for name in ("manifest.json", "partial_parse.msgpack"):
        (target / name).write_text(text, encoding="utf-8")
    return target


def test_the_first_parse_is_kept_and_lent_to_later_commands(tmp_path: Path):
    parsed, later = tmp_path / "parsed" / "prod-1", tmp_path / "later"
    assert not parses.lend(parsed, later)
    assert parses.keep(parse_of(tmp_path / "first", "first"), parsed, OPEN)
    assert parses.lend(parsed, later)
    assert (later / "partial_parse.msgpack").read_text(encoding="utf-8") == "first"
    assert parses.keep(parse_of(tmp_path / "second", "second"), parsed, OPEN)
    assert (parsed / "manifest.json").read_text(encoding="utf-8") == "first"


def test_what_is_lent_is_a_copy_because_dbt_rewrites_it_in_place(tmp_path: Path):
    parsed, later = tmp_path / "parsed", tmp_path / "later"
    parses.keep(parse_of(tmp_path / "first", "first"), parsed, OPEN)
    parses.lend(parsed, later)
    (later / "partial_parse.msgpack").write_text("scribbled", encoding="utf-8")
    assert (parsed / "partial_parse.msgpack").read_text(encoding="utf-8") == "first"


def test_a_command_that_died_before_it_had_parsed_keeps_nothing(tmp_path: Path):
    parsed, target = tmp_path / "parsed", parse_of(tmp_path / "target", "half")
    (target / "partial_parse.msgpack").unlink()
    assert not parses.keep(target, parsed, OPEN)
    assert not parsed.exists()
    assert not parses.keep(tmp_path / "never", parsed, OPEN)


def test_no_secret_is_kept(tmp_path: Path):
    """The definitions showed a secret that a model's configuration had read."""
    parsed, scrubber = tmp_path / "parsed", Scrubber(["hush-hush"])
    first = parse_of(tmp_path / "first", '{"description": "hush-hush"}')
    assert parses.keep(first, parsed, scrubber)
    assert [file.name for file in parsed.iterdir()] == ["manifest.json"]
    assert (parsed / "manifest.json").read_text(encoding="utf-8") == '{"description": "*****"}'
    assert not parses.lend(parsed, tmp_path / "later"), "dbt could not use it without the secret"
    assert parsed.stat().st_mode & 0o077 == 0
