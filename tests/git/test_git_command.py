"""The one door to git: what it lets in, what it says, and how it ends."""

import os
import signal
import threading
from pathlib import Path

import pytest

from deploy_project.errors import GitError
from deploy_project.git.command import TOKEN, git, without_credentials
from deploy_project.git.remote import heads
from tests.support.deployments.git_repositories import Repository, create, project
from tests.support.running.processes import is_gone
from tests.support.scripts import first_on_path, script, written
from tests.support.waiting import wait


def sleeping_git(tmp_path: Path) -> tuple[tuple[str, ...], Path]:
    """Return arguments with which git starts a process that sleeps, and the file of its id."""
    pid = tmp_path / "pid"
    return ("-c", f"alias.wait=!echo $$ > {pid}; echo waiting >&2; exec sleep 3600", "wait"), pid


def test_output_comes_without_its_last_newline(remote: Repository):
    assert git("log", "-1", "--format=%s%n", cwd=remote.path) == "First\n"


def test_a_failure_tells_command_place_exit_code_and_git_s_own_words(tmp_path: Path):
    with pytest.raises(GitError) as raised:
        git("rev-parse", "a b", cwd=tmp_path)
    assert f"`git rev-parse 'a b'` in {tmp_path} failed (exit 128): fatal: not a git" in str(
        raised.value
    )


def test_git_does_not_find_a_repository_above_the_directory(remote: Repository):
    """A damaged mirror in `.deploy` made git fetch into the user's own repository around it."""
    inner = remote.path / ".deploy"
    inner.mkdir()
    with pytest.raises(GitError, match="not a git repository"):
        git("rev-parse", "--git-dir", cwd=inner)


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_NAMESPACE"])
def test_variables_that_redirect_git_have_no_effect(
    monkeypatch: pytest.MonkeyPatch, remote: Repository, name: str
):
    expected = git("ls-remote", ".", "HEAD", cwd=remote.path), git("ls-files", cwd=remote.path)
    monkeypatch.setenv(name, "/nowhere")
    assert (
        git("ls-remote", ".", "HEAD", cwd=remote.path),
        git("ls-files", cwd=remote.path),
    ) == expected


def test_credentials_are_in_no_error(tmp_path: Path):
    with pytest.raises(GitError) as raised:
        git(
            *("-c", "alias.say=!echo $DEPLOY_GIT_TOKEN >&2; exit 3", "say"),
            *("https://ana:pa@ss@host/x", "s3cret-token"),
            cwd=tmp_path,
            env={TOKEN: "s3cret-token"},
        )
    assert "s3cret" not in str(raised.value)
    assert "pa@ss" not in str(raised.value)
    assert "https://host/x" in str(raised.value)
    assert "(exit 3): ***" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://token@host/a and ssh://git:x@host:2/b", "https://host/a and ssh://host:2/b"),
        ("https://host/path@1", "https://host/path@1"),
        ("git@host:acme/shop.git", "git@host:acme/shop.git"),
    ],
)
def test_without_credentials(text: str, expected: str):
    assert without_credentials(text) == expected


def test_a_missing_git_is_one_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, remote: Repository
):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(GitError, match=r"git was not found on PATH .*empty.*install git"):
        heads(project(remote), ["HEAD"])


def test_a_missing_directory_is_not_taken_for_a_missing_git(tmp_path: Path):
    with pytest.raises(GitError, match="no such directory"):
        git("version", cwd=tmp_path / "gone")


@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
def test_an_argument_that_no_process_can_get_is_an_error_of_ours(tmp_path: Path, text: str):
    with pytest.raises(GitError, match="failed to start") as raised:
        git("rev-parse", text, cwd=tmp_path)
    assert str(raised.value).encode()


@pytest.mark.slow
def test_a_timeout_ends_git_and_all_that_it_started(tmp_path: Path):
    arguments, pid = sleeping_git(tmp_path)
    for limit in (2, 30, 300):  # a slow machine needs longer until git has started it
        with pytest.raises(GitError, match=rf"to end within {limit} seconds, and was stopped"):
            git(*arguments, cwd=tmp_path, timeout=limit)
        if pid.is_file():
            break
    wait(lambda: is_gone(int(written(pid))))


@pytest.mark.slow
def test_an_interrupt_ends_git_and_all_that_it_started(tmp_path: Path):
    arguments, pid = sleeping_git(tmp_path)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def once_it_waits() -> None:
        written(pid)
        os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, interrupt)
    waiting = threading.Thread(target=once_it_waits)
    try:
        waiting.start()
        with pytest.raises(KeyboardInterrupt):
            git(*arguments, cwd=tmp_path)
    finally:
        waiting.join()
        signal.signal(signal.SIGALRM, before)
    wait(lambda: is_gone(int(written(pid))))


@pytest.mark.parametrize("url", ["ext::sh -c touch% {} #", "--upload-pack=touch {}", "foo::bar"])
def test_a_repository_url_runs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str):
    monkeypatch.delenv("GIT_ALLOW_PROTOCOL")
    witness = tmp_path / "executed"
    script(tmp_path / "bin" / "git-remote-foo", f"touch {witness}")
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    with pytest.raises(GitError):
        heads(project(url.format(witness)), ["HEAD"])
    assert not witness.exists()


@pytest.fixture
def fake_ssh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put an `ssh` on PATH that logs its options and runs the command here; return the log."""
    log = tmp_path / "ssh.log"
    for name in ("ssh", "my-ssh"):
        text = f'echo "{name} $@" >> {log}\nfor last; do :; done\nexec sh -c "$last"'
        script(tmp_path / "bin" / name, text)
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ssh")
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    for name in ("GIT_SSH", "GIT_SSH_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    return log


def test_ssh_asks_no_questions(fake_ssh: Path, remote: Repository):
    assert heads(project(f"ssh://git@host{remote.path}"), ["HEAD"])
    assert fake_ssh.read_text().startswith("ssh -o BatchMode=yes ")


@pytest.mark.parametrize("way", ["GIT_SSH_COMMAND", "GIT_SSH", "core.sshCommand"])
def test_the_user_s_own_ssh_command_stays(
    monkeypatch: pytest.MonkeyPatch, user_config: Path, fake_ssh: Path, remote: Repository, way: str
):
    if way == "core.sshCommand":
        user_config.write_text("[core]\n sshCommand = my-ssh\n")
    else:
        monkeypatch.setenv(way, "my-ssh")
    assert heads(project(f"ssh://git@host{remote.path}"), ["HEAD"])
    assert fake_ssh.read_text().startswith("my-ssh ")
    assert "BatchMode" not in fake_ssh.read_text()


def test_a_working_directory_inside_another_repository_has_no_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, remote: Repository
):
    """`url.insteadOf` of the repository that Dagster was started in redirected the remote."""
    other = create(tmp_path / "other")
    other.git("config", f"url.{tmp_path}/elsewhere.insteadOf", str(remote.path))
    monkeypatch.chdir(other.path)
    assert heads(project(remote), ["HEAD"]) == {"HEAD": remote.git("rev-parse", "HEAD")}
