"""curl and jq, as a GitHub Action and other shell scripts call dbt Cloud's API."""

import json
import os
import subprocess

from cells import (
    ACCOUNT,
    DAILY,
    ENDLESS,
    ERROR,
    FAILING,
    FLAKY,
    HTTP_URL,
    TOKEN,
    URL,
    break_flaky,
    cell,
    nodes,
)

# A GitHub Action that runs a job after each merge, with the host as a variable.
MERGED = """
set -e
response=$(curl --fail --silent --show-error --request POST \\
  --url "$DBT_CLOUD_URL/api/v2/accounts/$DBT_CLOUD_ACCOUNT_ID/jobs/$DBT_CLOUD_JOB_ID/run/" \\
  --header "Content-Type: application/json" \\
  --header "Authorization: Token $DBT_CLOUD_API_TOKEN" \\
  --data '{"cause": "Triggered by a merge to main"}')
run_url=$(echo "$response" | jq -r .data.href)
echo "$run_url"
"""
POSTED = """
set -e
curl --fail --silent -X POST \\
  -H "Authorization: Bearer $DBT_CLOUD_API_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{
    "cause": "Triggered via API"
  }' \\
  "$DBT_CLOUD_URL/api/v2/accounts/$DBT_CLOUD_ACCOUNT_ID/jobs/$DBT_CLOUD_JOB_ID/run/"
"""
WAITED = """
set -e
until status=$(curl --fail --silent -H "Authorization: Token $DBT_CLOUD_API_TOKEN" \\
    "$DBT_CLOUD_URL/api/v2/accounts/$DBT_CLOUD_ACCOUNT_ID/runs/$RUN/" | jq -r .data.status) \\
    && [ "$status" -ge 10 ]; do
  sleep 1
done
echo "$status"
test "$status" = 10
"""
ASKED = """
curl --fail --silent --show-error -H "Authorization: Token $DBT_CLOUD_API_TOKEN" $OPTIONS \\
  "$DBT_CLOUD_URL/api/v2/accounts/$DBT_CLOUD_ACCOUNT_ID/$ASKED"
"""


def shell(script, code=0, **variables):
    given = {
        **os.environ,
        "DBT_CLOUD_URL": URL,
        "DBT_CLOUD_ACCOUNT_ID": str(ACCOUNT),
        "DBT_CLOUD_API_TOKEN": TOKEN,
        "CURL_CA_BUNDLE": os.environ["SSL_CERT_FILE"],
        **{name: str(value) for name, value in variables.items()},
    }
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script], env=given, capture_output=True, text=True
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout.strip()


def posted(job):
    return json.loads(shell(POSTED, DBT_CLOUD_JOB_ID=job))["data"]["id"]


def asked(path, **variables):
    return shell(ASKED, ASKED=path, **{"OPTIONS": "", **variables})


with cell("trigger") as remark:
    for url in (URL, HTTP_URL):
        page = shell(MERGED, DBT_CLOUD_JOB_ID=DAILY, DBT_CLOUD_URL=url)
        shown = subprocess.run(["curl", "--fail", "--silent", page], capture_output=True, text=True)
        assert shown.returncode == 0 and "<html" in shown.stdout, page
    shell(MERGED, code=22, DBT_CLOUD_JOB_ID=DAILY, DBT_CLOUD_API_TOKEN="another")
    shell(MERGED, code=22, DBT_CLOUD_JOB_ID=DAILY, DBT_CLOUD_ACCOUNT_ID=ACCOUNT + 1)
    shell(MERGED, code=22, DBT_CLOUD_JOB_ID=99)
    shell(MERGED.replace("main", 'main", "stepz": "x'), code=22, DBT_CLOUD_JOB_ID=DAILY)
    remark("`.data.href` opens the run; another token, account, job or key ends with code 22")
with cell("wait"):
    run = posted(DAILY)
    assert shell(WAITED, RUN=run) == "10"
with cell("artifact"):
    assert "manifest.json" in json.loads(asked(f"runs/{run}/artifacts/"))["data"]
    found = nodes(json.loads(asked(f"runs/{run}/artifacts/run_results.json")))
    assert found["orders"] == "success", found
    newest = json.loads(asked(f"jobs/{DAILY}/artifacts/manifest.json"))
    assert "model.tiny.orders" in newest["nodes"]
with cell("failure"):
    assert shell(WAITED, code=1, RUN=posted(FAILING)) == str(ERROR)
with cell("cancel"):
    run = posted(ENDLESS)
    asked(f"runs/{run}/cancel/", OPTIONS="-X POST")
    assert shell(WAITED, code=1, RUN=run) == "30"
with cell("retry") as remark:
    break_flaky()
    failed = posted(FLAKY)
    shell(WAITED, code=1, RUN=failed)
    steps = json.loads(asked(f"runs/{failed}/retry/"))["data"]
    run = json.loads(asked(f"runs/{failed}/retry/", OPTIONS="-X POST"))["data"]["id"]
    shell(WAITED, RUN=run)
    remark(f"went on with {steps['failed_step']}")
