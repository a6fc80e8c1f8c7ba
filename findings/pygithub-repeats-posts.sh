#!/usr/bin/env bash
# PyGithub 2.10.0: one rerun() may be eleven POSTs, and the answer that ends them hides that one was taken.
#
# Without `retry=`, POSTs are repeated like GETs: after 5xx, and after a connection that breaks once all is sent, ten
# times in quick succession. A proxy's 502 does not say whether the POST was taken behind it. Here the first is
# taken and answered 502, the second is refused as already running: the caller sees a 403 for a rerun that it started.
#
# Seen on 2026-11-27:
#   502 always: RetryError after 11 POST
#   closed unanswered: ConnectionError after 11 POST
#   taken, but 502; then 403: GithubException after 2 POST
#   retry=None, 502 always: status 502 after 1 POST
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages PyGithub==2.10.0 requests==2.34.2 urllib3==2.8.0

shows venv/bin/python - <<'PYTHON'
import logging

import github
import requests
from loopback import Loopback, Reply

RUNNING = Reply(403, {}, b'{"message": "This workflow is already running", "status": "403"}')
github.set_log_level(logging.CRITICAL)


def outcome(**settings):
    client = github.Github(auth=github.Auth.Token("t"), base_url=server.url, **settings)
    try:
        result = f"status {client.requester.requestJson('POST', '/repos/o/r/actions/runs/7/rerun')[0]}"
    except (requests.RequestException, github.GithubException) as error:
        result = type(error).__name__
    return f"{result} after {len(server.came)} POST"


with Loopback(lambda request: Reply(502)) as server:
    print("502 always:", outcome())
with Loopback(lambda request: None) as server:
    print("closed unanswered:", outcome())
with Loopback(lambda request: Reply(502) if len(server.came) == 1 else RUNNING) as server:
    print("taken, but 502; then 403:", outcome())
with Loopback(lambda request: Reply(502)) as server:
    print("retry=None, 502 always:", outcome(retry=None))
PYTHON
