"""The requests of dbt Labs' script dbt_cloud_run_job.py, which CI servers run."""

from cells import DAILY, ERROR, FAILING, HTTP_URL, SUCCESS, TOKEN, cell, report
from replaying import Replay

script = Replay(
    HTTP_URL,
    Authorization=f"Token {TOKEN}",
    Content_Type="application/json",
    User_Agent="python-requests/2.32.3",
)


def triggered(job):
    body = {"cause": "API-triggered job", "git_branch": "main", "schema_override": "ci_branch"}
    return script.send("POST", f"jobs/{job}/run/", body)["data"]["id"]


with cell("trigger") as remark:
    run = triggered(DAILY)
    remark("with a branch and a schema, as it does for pull requests")
with cell("wait"):
    assert script.ended(run)["status"] == SUCCESS
with cell("failure"):
    assert script.ended(triggered(FAILING))["status"] == ERROR
for name in ("artifact", "cancel", "retry"):
    report(name, ok=None, said="dbt_cloud_run_job.py:54, 82: it triggers and polls only")
