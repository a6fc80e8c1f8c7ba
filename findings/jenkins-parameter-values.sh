#!/usr/bin/env bash
# python-jenkins 1.8.3 and api4jenkins 2.1.0 make different builds of the same Python values.
#
# Each has its own way from a value to a text. A string parameter that is set to None is "None" with one client and
# empty with the other; a list is its Python notation with one, and the same parameter twice with the other, which
# Jenkins answers with 500. Texts are the same with both.
#
# Seen on 2026-11-27:
#   python-jenkins: FLAG=True NOTHING=None LIST=['a', 'b'] TEXT=true
#   api4jenkins: FLAG=true NOTHING= LIST=a LIST=b TEXT=true
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages python-jenkins==1.8.3 requests==2.34.2 urllib3==2.8.0 api4jenkins==2.1.0 httpx==0.28.1

shows venv/bin/python - <<'PYTHON'
from urllib.parse import parse_qsl, urlsplit

import api4jenkins
import api4jenkins.job
import jenkins
from loopback import Loopback, Reply

VALUES = {"FLAG": True, "NOTHING": None, "LIST": ["a", "b"], "TEXT": "true"}


def answer(request):
    if request.method == "POST":
        return Reply(201, {"Location": server.url + "/queue/item/7/"}, b"")
    return Reply(200, {}, b'{"crumb": "c", "crumbRequestField": "Jenkins-Crumb"}')


def sent():
    query = urlsplit(server.came[-1].path).query
    return " ".join(f"{name}={value}" for name, value in parse_qsl(query, keep_blank_values=True))


with Loopback(answer) as server:
    jenkins.Jenkins(server.url, "user", "token").build_job("lab", VALUES)
    print("python-jenkins:", sent())
with Loopback(answer) as server:
    client = api4jenkins.Jenkins(server.url, auth=("user", "token"))
    api4jenkins.job.FreeStyleProject(client, server.url + "/job/lab/").build(**VALUES)
    print("api4jenkins:", sent())
PYTHON
