#!/usr/bin/env bash
# python-jenkins 1.8.3: `retries=` changes nothing.
#
# The constructor mounts its retrying adapter for the prefix `http`; requests takes the adapter with the longest prefix
# that fits, and that is its own one for `http://`, without retries. The server closes each connection unanswered and
# counts. An adapter that is mounted for the whole URL does what the argument promises.
#
# Seen on 2026-11-27:
#   Jenkins(url, retries=3): 1 GET
#   own adapter, max_retries=3: 4 GET
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages python-jenkins==1.8.3 requests==2.34.2 urllib3==2.8.0

shows venv/bin/python - <<'PYTHON'
import jenkins
import requests
from loopback import Loopback


def gets(client):
    try:
        client.jenkins_request(requests.Request("GET", server.url + "/api/json"), add_crumb=False)
    except requests.ConnectionError:
        return f"{len(server.came)} GET"


with Loopback(lambda request: None) as server:
    print("Jenkins(url, retries=3):", gets(jenkins.Jenkins(server.url, "user", "token", retries=3)))
with Loopback(lambda request: None) as server:
    client = jenkins.Jenkins(server.url, "user", "token")
    client._session.mount(server.url, requests.adapters.HTTPAdapter(max_retries=3))
    print("own adapter, max_retries=3:", gets(client))
PYTHON
