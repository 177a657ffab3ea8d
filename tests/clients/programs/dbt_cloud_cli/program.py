"""dbt-cloud-cli, as a pipeline calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dbt_cloud.command
from cells import (
    ACCOUNT,
    CANCELLED,
    DAILY,
    ENDLESS,
    FAILING,
    HOST,
    SUCCESS,
    TOKEN,
    cell,
    lacks,
    nodes,
    until,
)

os.environ |= {
    "DBT_CLOUD_HOST": HOST,
    "DBT_CLOUD_API_TOKEN": TOKEN,
    "DBT_CLOUD_ACCOUNT_ID": str(ACCOUNT),
}


def tool(*arguments, code=0):
    command = [str(Path(sys.executable).parent / "dbt-cloud"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == code, (done.returncode, (done.stdout + done.stderr)[-400:])
    return done.stdout


def answer(text):
    return json.loads(text[text.index("{") :])["data"]


def triggered(job):
    return answer(tool("job", "run", "--job-id", job, "--no-wait"))


with cell("trigger"):
    run = triggered(DAILY)["id"]
with cell("wait"):
    tool("job", "run", "--job-id", DAILY, "--wait")
    until(lambda: answer(tool("run", "get", "--run-id", run))["status"] == SUCCESS)
with cell("artifact"):
    tool("run", "list-artifacts", "--run-id", run)
    tool("run", "get-artifact", "--run-id", run, "--path", "run_results.json", "-f", "found.json")
    assert nodes(json.loads(Path("found.json").read_bytes()))["orders"] == "success"
with cell("failure"):
    tool("job", "run", "--job-id", FAILING, "--wait", code=1)
with cell("cancel"):
    run = triggered(ENDLESS)["id"]
    tool("run", "cancel", "--run-id", run)
    until(lambda: answer(tool("run", "get", "--run-id", run))["status"] == CANCELLED)
lacks("retry", dbt_cloud.command, "retry", "rerun")
