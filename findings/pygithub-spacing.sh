#!/usr/bin/env bash
# PyGithub 2.10.0: the second between two writes is not kept between threads, nor between two Github objects.
#
# GitHub asks for a second between POSTs, and PyGithub keeps it (seconds_between_writes=1.0) where one thread uses one
# object. Threads that share the object work out the same wait, sleep together and send together; each new object begins
# to count anew. Each of the three ways sends five POSTs.
#
# Seen on 2026-11-27:
#   one thread, one Github: at least 4 seconds from the first to the last
#   a thread for each POST, one Github: less than 2 seconds
#   one thread, a Github for each POST: less than 2 seconds
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages PyGithub==2.10.0 requests==2.34.2 urllib3==2.8.0

shows venv/bin/python - <<'PYTHON'
import threading

import github
from loopback import Loopback, Reply


def client():
    return github.Github(auth=github.Auth.Token("t"), base_url=server.url, pool_size=5)


def post(client):
    client.requester.requestJson("POST", "/repos/o/r/actions/runs/7/rerun")


def took():
    seconds = server.came[-1].at - server.came[0].at
    return "less than 2 seconds" if seconds < 2 else f"at least {int(seconds + 0.1)} seconds"


with Loopback(lambda request: Reply(201)) as server:
    shared = client()
    for _ in range(5):
        post(shared)
    print("one thread, one Github:", took(), "from the first to the last")
with Loopback(lambda request: Reply(201)) as server:
    shared = client()
    post(shared)
    threads = [threading.Thread(target=post, args=(shared,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("a thread for each POST, one Github:", took())
with Loopback(lambda request: Reply(201)) as server:
    for _ in range(5):
        post(client())
    print("one thread, a Github for each POST:", took())
PYTHON
