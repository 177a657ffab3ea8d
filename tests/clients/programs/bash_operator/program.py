"""Airflow's BashOperator with our command line: exit codes, the log, and its end by a timeout."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

from cells import ACCOUNT, CANCELLED, FLAKY, HTTP_URL, SUCCESS, TOKEN, break_flaky, cell, until

HERE = Path(__file__).parent
os.environ |= {
    "AIRFLOW_HOME": str(Path.cwd() / "airflow"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(HERE / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
}


def airflow(*arguments):
    command = [str(Path(sys.executable).parent / "airflow"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    return done.returncode, done.stdout + done.stderr


def asked(path, body=None):
    content = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"}
    url = f"{HTTP_URL}/api/v2/accounts/{ACCOUNT}/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, content, headers)) as response:
        return json.loads(response.read())["data"]


def number(said):
    return re.search(r"\(number (\d+)\)", said)[1]


assert airflow("db", "migrate")[0] == 0
with cell("trigger"):
    code, said = airflow("dags", "test", "daily")
    assert code == 0 and "OK created sql" in said, said[-400:]
with cell("wait"):
    assert asked(f"runs/{number(said)}/")["status"] == SUCCESS
with cell("artifact"):
    assert "run_results.json" in asked(f"runs/{number(said)}/artifacts/")
with cell("failure"):
    code, said = airflow("dags", "test", "failing")
    assert "Bash command failed" in said and "nowhere" in said, said[-400:]
with cell("cancel") as remark:
    code, said = airflow("dags", "test", "endless")
    run = number(said)
    until(lambda: asked(f"runs/{run}/")["status"] == CANCELLED)
    remark("by `execution_timeout`, which sends SIGTERM")
with cell("retry"):
    break_flaky()
    run = asked(f"jobs/{FLAKY}/run/", {"cause": "To be retried"})["id"]
    until(lambda: asked(f"runs/{run}/")["is_complete"])
    code, said = airflow("dags", "test", "retried", "--conf", json.dumps({"run": str(run)}))
    assert code == 0 and "--- Success" in said, said[-400:]
