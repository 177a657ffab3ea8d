"""`deploy-project` in a step of an automation server: exit codes, the streamed log, SIGTERM."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from cells import break_flaky, cell

SITE = Path(os.environ["FRONT_SITE"])
STATE = SITE / ".deploy"


def step(command, *, terminated_at=""):
    """Run a shell step as a server does; return its code, its output, and the time of each line."""
    given = {**os.environ, "DEPLOY_CONFIG": f"{SITE}/deploy.yaml", "DEPLOY_STATE": str(STATE)}
    given["PATH"] = os.environ["FRONT_PROGRAMS"] + os.pathsep + given["PATH"]
    process = subprocess.Popen(
        ["bash", "-e", "-c", command],
        cwd=SITE,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines, times = [], []
    for line in process.stdout:
        lines.append(line)
        times.append(time.monotonic())
        if terminated_at and terminated_at in line:
            os.killpg(process.pid, signal.SIGTERM)
    return process.wait(), "".join(lines), times


def run_id(text):
    return re.search(r"as run ([0-9a-f-]{36})", text)[1]


with cell("trigger"):
    code, said, _ = step("deploy-project run daily")
    assert code == 0, said
with cell("wait") as remark:
    code, said, times = step("deploy-project run daily --wait")
    assert code == 0 and "OK created sql" in said, said
    assert times[-1] - times[0] > 1, "the log came at the end, all at once"
    done = run_id(said)
    remark("the log comes as it is written")
with cell("artifact") as remark:
    found = list((STATE / "artifacts" / "runs" / done).rglob("run_results.json"))
    assert found, done
    remark("files below the artifact root")
with cell("failure") as remark:
    code, said, _ = step("deploy-project run failing --wait; echo not reached")
    assert code == 1 and "not reached" not in said and "nowhere" in said, said
    remark("exit code 1")
with cell("cancel") as remark:
    code, said, _ = step("exec deploy-project run endless --wait", terminated_at="START sql table")
    assert code == 130 and said.splitlines()[-1] == "--- Cancelled", said
    remark("by SIGTERM")
with cell("retry"):
    break_flaky()
    code, said, _ = step("deploy-project run flaky --wait")
    assert code == 1, said
    code, said, _ = step(f"deploy-project retry {run_id(said)} --wait")
    assert code == 0, said
