#!/usr/bin/env bash
# python-jenkins 1.8.3: a trigger that Jenkins merges into a waiting one is reported as an error.
#
# Where an identical item waits in the queue, Jenkins (2.308 and newer) answers buildWithParameters with 303 and that
# item's address: the build is queued. build_job lets requests follow it, finds no Location in the item's page, and
# raises; whoever repeats the trigger after an exception repeats a build. api4jenkins 2.1.0 follows no redirect, and
# gives the number of the item.
#
# Seen on 2026-11-27:
#   python-jenkins: EmptyResponseException
#   python-jenkins sent: GET /crumbIssuer/api/json, POST /job/lab/buildWithParameters?DEVICE=a, GET /queue/item/7/
#   api4jenkins: item 7
#   api4jenkins sent: GET /crumbIssuer/api/json, POST /job/lab/buildWithParameters?DEVICE=a
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages python-jenkins==1.8.3 requests==2.34.2 urllib3==2.8.0 api4jenkins==2.1.0 httpx==0.28.1

shows venv/bin/python - <<'PYTHON'
import api4jenkins
import api4jenkins.job
import jenkins
from loopback import Loopback, Reply


def answer(request):
    if request.method == "POST":
        return Reply(303, {"Location": server.url + "/queue/item/7/"}, b"")
    if request.path == "/crumbIssuer/api/json":
        return Reply(200, {}, b'{"crumb": "c", "crumbRequestField": "Jenkins-Crumb"}')
    return Reply(200, {"Content-Type": "text/html"}, b"<html></html>")


def sent():
    return ", ".join(f"{request.method} {request.path}" for request in server.came)


with Loopback(answer) as server:
    try:
        jenkins.Jenkins(server.url, "user", "token").build_job("lab", {"DEVICE": "a"})
    except jenkins.EmptyResponseException as error:
        print("python-jenkins:", type(error).__name__)
    print("python-jenkins sent:", sent())
with Loopback(answer) as server:
    client = api4jenkins.Jenkins(server.url, auth=("user", "token"))
    item = api4jenkins.job.FreeStyleProject(client, server.url + "/job/lab/").build(DEVICE="a")
    print("api4jenkins: item", item.id)
    print("api4jenkins sent:", sent())
PYTHON
