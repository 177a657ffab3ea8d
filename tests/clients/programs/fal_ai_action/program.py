"""The requests of the GitHub Action fal-ai/dbt-cloud-action."""

from cells import DAILY, FAILING, HTTP_URL, TOKEN, cell, report
from replaying import Replay

POLLED = 'runs/{}/?include_related=["run_steps"]'.replace('"', "%22")
STEPS = ["dbt run --select orders", "dbt test --select orders"]
action = Replay(
    HTTP_URL,
    Authorization=f"Token {TOKEN}",
    Content_Type="application/json",
    Accept="application/json, text/plain, */*",
    User_Agent="axios/0.21.4",
)


def triggered(job, **fields):
    body = {"cause": "Triggered by a GitHub Action", **fields}
    return action.send("POST", f"jobs/{job}/run/", body)["data"]


with cell("trigger"):
    run = triggered(DAILY, steps_override=STEPS, threads_override=2)
    assert run["href"].startswith("http"), run["href"]
with cell("wait"):
    ended = action.ended(run["id"], POLLED)
    assert not ended["is_error"] and ended["git_sha"] and ended["git_branch"], ended
    names = [each["name"] for each in ended["run_steps"]]
    assert names[-2:] == [f"Invoke dbt with `{each}`" for each in STEPS], names
with cell("artifact"):
    assert action.send("GET", f"runs/{run['id']}/artifacts/run_results.json")["metadata"]
with cell("failure"):
    failed = action.ended(triggered(FAILING)["id"], POLLED)
    assert failed["is_error"]
    logs = [each["logs"] for each in failed["run_steps"] if each["status_humanized"] == "Error"]
    assert "nowhere" in logs[0], logs
for name in ("cancel", "retry"):
    report(name, ok=None, said="index.js:123: `executeAction` triggers, polls and fetches only")
