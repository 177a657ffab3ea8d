"""Requests as a client that is not installed here was seen to send them."""

import json
import re
import urllib.error
import urllib.request

from cells import ACCOUNT, until

MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?[+-]\d\d:\d\d")


class Replay:
    """The requests of one client, to one base URL, with its own headers."""

    def __init__(self, base, **headers):
        self.base = f"{base}/api/v2/accounts/{ACCOUNT}"
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def send(self, method, path, body=None):
        """Return the JSON of the answer; a status of 300 and above is an error."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.base}/{path}", content, self.headers, method=method
        )
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=60) as response:
            assert response.status in (200, 201), response.status
            return json.loads(response.read())

    def ended(self, run, path="runs/{}/"):
        """Return the run when it has ended, polled at `path`."""

        def found():
            data = self.send("GET", path.format(run))["data"]
            return data if data["is_complete"] else None

        return until(found)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None
