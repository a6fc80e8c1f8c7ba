#!/usr/bin/env bash
# api4jenkins 2.1.0: a Jenkins whose crumb issuer is switched off does not exist.
#
# Such a Jenkins answers 404 to /crumbIssuer/api/json, which means that no crumb is needed. The client expects httpx's
# HTTPStatusError there, but its own hook has made an ItemNotFoundError of the 404: so exists() is False, and each other
# call fails with the address of the crumb issuer, before it is sent. A 503 at the same place is passed over. For
# python-jenkins 1.8.3 a 404 is no crumb, and the build is started.
#
# Seen on 2026-11-27:
#   crumb issuer 200: exists() True, build ok
#   crumb issuer 404: exists() False, build ItemNotFoundError
#   crumb issuer 503: exists() True, build ok
#   python-jenkins, crumb issuer 404: item 7
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages api4jenkins==2.1.0 httpx==0.28.1 python-jenkins==1.8.3 requests==2.34.2 urllib3==2.8.0

shows venv/bin/python - <<'PYTHON'
import api4jenkins
import api4jenkins.exceptions
import api4jenkins.job
import jenkins
from loopback import Loopback, Reply


def answer(request):
    if request.method == "POST":
        return Reply(201, {"Location": server.url + "/queue/item/7/"}, b"")
    if request.path == "/crumbIssuer/api/json":
        return Reply(status, {}, b'{"crumb": "c", "crumbRequestField": "Jenkins-Crumb"}' if status == 200 else b"")
    return Reply(200, {}, b'{"_class": "hudson.model.Hudson"}')


def build(client):
    try:
        api4jenkins.job.FreeStyleProject(client, server.url + "/job/lab/").build(DEVICE="a")
    except api4jenkins.exceptions.ItemNotFoundError as error:
        return type(error).__name__
    return "ok"


for status in 200, 404, 503:
    with Loopback(answer) as server:
        client = api4jenkins.Jenkins(server.url, auth=("user", "token"))
        print(f"crumb issuer {status}: exists() {client.exists()}, build {build(client)}")
status = 404
with Loopback(answer) as server:
    item = jenkins.Jenkins(server.url, "user", "token").build_job("lab", {"DEVICE": "a"})
    print(f"python-jenkins, crumb issuer 404: item {item}")
PYTHON
