#!/usr/bin/env bash
# PyGithub 2.10.0: WorkflowRun.rerun() tells one refusal by False and the next by an exception; `retry=` decides which.
#
# False may be a bad token (401), a run that is gone (404) or, with retry=None, a server's fault (500): the reason is
# lost. With the usual setting a 403, GitHub's answer for every rerun that it refuses, raises, since the retry reads it
# first. `requester.requestJson("POST", path)` gives status, headers and text, whatever the setting.
#
# Seen on 2026-11-27:
#   201: True; with retry=None: True
#   401: False; with retry=None: False
#   403: GithubException; with retry=None: False
#   404: False; with retry=None: False
#   500: RetryError; with retry=None: False
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages PyGithub==2.10.0 requests==2.34.2 urllib3==2.8.0

shows venv/bin/python - <<'PYTHON'
import json
import logging

import github
import requests
from github.WorkflowRun import WorkflowRun
from loopback import Loopback, Reply

MESSAGES = {201: None, 401: "Bad credentials", 403: "This workflow is already running", 404: "Not Found", 500: "Oops"}
github.set_log_level(logging.CRITICAL)


def rerun(**settings):
    with Loopback(lambda request: Reply(status, {}, json.dumps({"message": message}).encode())) as server:
        client = github.Github(auth=github.Auth.Token("t"), base_url=server.url, **settings)
        url = f"{server.url}/repos/o/r/actions/runs/7"
        run = WorkflowRun(client.requester, attributes={"url": url, "rerun_url": url + "/rerun"}, completed=True)
        try:
            return run.rerun()
        except (github.GithubException, requests.RequestException) as error:
            return type(error).__name__


for status, message in MESSAGES.items():
    print(f"{status}: {rerun()}; with retry=None: {rerun(retry=None)}")
PYTHON
