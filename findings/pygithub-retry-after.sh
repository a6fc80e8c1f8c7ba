#!/usr/bin/env bash
# PyGithub 2.10.0: max_rate_limit_wait does not bound what a Retry-After asks for.
#
# GithubRetry(max_rate_limit_wait=5) raises where the wait is worked out from the answer's text and X-RateLimit-Reset;
# with a Retry-After, which GitHub sends for its secondary limits, urllib3 sleeps for as long as it says. The sleep is
# noted here, not slept. A bound that holds is urllib3's own `retry_after_max`, which shortens the wait.
#
# Seen on 2026-11-27:
#   403, reset in an hour: RateLimitExceededExceedsMaxWait, slept []
#   403, Retry-After 3600: 201, slept [3600]
#   429, Retry-After 3600: 201, slept [3600]
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages PyGithub==2.10.0 requests==2.34.2 urllib3==2.8.0

shows venv/bin/python - <<'PYTHON'
import logging
import time
from unittest import mock

import github
from loopback import Loopback, Reply

LIMITED = b'{"message": "API rate limit exceeded for user ID 1.", "status": "403"}'
github.set_log_level(logging.CRITICAL)


def outcome(limited):
    with Loopback(lambda request: limited if len(server.came) == 1 else Reply(201)) as server:
        retry = github.GithubRetry(max_rate_limit_wait=5)
        client = github.Github(base_url=server.url, retry=retry, seconds_between_requests=None)
        slept = []
        with mock.patch("time.sleep", slept.append):
            try:
                result = client.requester.requestJson("POST", "/repos/o/r/actions/runs/7/rerun")[0]
            except github.GithubException as error:
                result = type(error).__name__
    return f"{result}, slept {slept}"


reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
print("403, reset in an hour:", outcome(Reply(403, reset, LIMITED)))
print("403, Retry-After 3600:", outcome(Reply(403, {"Retry-After": "3600"}, LIMITED)))
print("429, Retry-After 3600:", outcome(Reply(429, {"Retry-After": "3600"}, LIMITED)))
PYTHON
