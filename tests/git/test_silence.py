"""Remotes that are there and say nothing: git is ended when it has heard nothing for a while."""

import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from deploy_project.config.state import StateDirectory
from deploy_project.errors import GitError
from deploy_project.git import credentials
from deploy_project.git.mirror import ensure_commit
from deploy_project.git.remote import heads
from deploy_project.processes import deadlines
from tests.support.deployments.git_repositories import Repository, project
from tests.support.running.processes import nothing_is_left
from tests.support.scripts import first_on_path, script, written
from tests.support.servers import hollow_server
from tests.support.servers.hollow_server import mute, serve

SILENT = r"failed to hear anything for 3 seconds, and was stopped"
COMMIT = "a" * 40

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take three seconds for silence, not a minute."""
    monkeypatch.setattr(credentials, "SILENCE_SECONDS", 3)
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
    for name in ("GIT_SSH", "GIT_SSH_COMMAND"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("scheme", ["http", "https", "git", "ssh"])
def test_a_remote_that_accepts_and_never_answers(scheme: str):
    with mute(scheme) as url:
        with pytest.raises(GitError, match=SILENT):
            heads(project(url), ["HEAD"])
        assert nothing_is_left(url.split("/")[2].partition(":")[2])


def test_a_remote_that_begins_to_answer_and_stops(state: StateDirectory):
    with serve(hollow_server.stall) as url:
        with pytest.raises(GitError, match=SILENT):
            ensure_commit(project(url), state, COMMIT)
        assert nothing_is_left(url)


@pytest.mark.parametrize("way", ["GIT_SSH_COMMAND", "core.sshCommand"])
def test_the_user_s_own_ssh_command_that_hears_nothing(
    monkeypatch: pytest.MonkeyPatch, user_config: Path, tmp_path: Path, way: str
):
    ssh = tmp_path / "bin" / "my-ssh"
    script(ssh, f"echo $$ > {tmp_path}/pid\nwhile :; do echo alive >&2; sleep 0.2; done")
    if way == "core.sshCommand":
        user_config.write_text(f"[core]\n sshCommand = {ssh}\n")
    else:
        monkeypatch.setenv(way, str(ssh))
    with pytest.raises(GitError, match=SILENT):
        heads(project("ssh://git@host/shop.git"), ["HEAD"])
    assert written(tmp_path / "pid")
    assert nothing_is_left(str(ssh))


def test_our_own_ssh_gives_a_dead_connection_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, remote: Repository
):
    log = tmp_path / "log"
    script(
        tmp_path / "bin" / "ssh", f'echo "$@" >> {log}\nfor last; do :; done\nexec sh -c "$last"'
    )
    monkeypatch.setenv("PATH", first_on_path(tmp_path / "bin"))
    monkeypatch.setenv("GIT_SSH_VARIANT", "ssh")
    assert heads(project(f"ssh://git@host{remote.path}"), ["HEAD"])
    options = "ConnectTimeout=60 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
    assert options in log.read_text()


def test_a_remote_that_takes_its_time_and_tells_so_is_waited_for(
    tmp_path: Path, user_config: Path, remote: Repository, state: StateDirectory
):
    """A large repository is counted and compressed for minutes before anything of it comes."""
    slow = tmp_path / "slow-pack"
    told = "for n in 1 2 3 4 5 6 7 8; do echo counting $n >&2; sleep 1; done"
    script(slow, f'case "$*" in *--progress*) {told};; *) sleep 900;; esac\nexec "$@"')
    user_config.write_text(f"[uploadpack]\n packObjectsHook = {slow}\n")
    commit = remote.git("rev-parse", "HEAD")
    begun = time.monotonic()
    assert ensure_commit(project(f"file://{remote.path}"), state, commit)
    assert time.monotonic() - begun > 3, "the remote has taken longer than the patience"


def test_a_fetch_ends_at_the_deadline_and_the_next_one_works(
    remote: Repository, state: StateDirectory
):
    """It went on for an hour, whatever the job's timeout was, and then was started again."""
    commit = remote.git("rev-parse", "HEAD")
    with mute() as url:
        with deadlines.within(2), pytest.raises(GitError, match="to end before the time was up"):
            ensure_commit(project(url), state, commit)
        assert nothing_is_left(url)
    mirror = ensure_commit(project(remote), state, commit)
    assert {each.name for each in mirror.parent.iterdir()} == {"mirror.git", "mirror.lock"}


def trickle(request: BaseHTTPRequestHandler) -> None:
    hollow_head = b"001e# service=git-upload-pack\n0000"
    request.send_response(200)
    request.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
    request.send_header("Content-Length", "100000")
    request.end_headers()
    request.wfile.write(hollow_head)
    with suppress(OSError):  # git is ended
        while True:
            request.wfile.write(b"0")
            time.sleep(0.2)


def test_a_remote_that_trickles_ends_at_the_deadline():
    with serve(trickle) as url:
        with deadlines.within(5), pytest.raises(GitError, match="and was stopped"):
            heads(project(url), ["HEAD"])
        assert nothing_is_left(url)


def test_messages_are_without_the_remote_s_progress(remote: Repository, state: StateDirectory):
    with pytest.raises(GitError) as raised:
        ensure_commit(project(f"file://{remote.path}"), state, COMMIT)
    assert "objects:" not in str(raised.value)
    assert "remote: Total" not in str(raised.value)
