#!/usr/bin/env bash
# requests 2.34.2, urllib3 2.8.0, httpx 0.28.1, PyGithub 2.10.0, ghapi 2.1.4: what becomes of a POST that is redirected.
#
# GitHub says that redirects (301 of a renamed repository, 302, 307) are to be followed with the method of the request.
# requests and httpx make a GET of a POST that meets a 301 or 302; urllib3, beneath requests, does not. ghapi 2 is built
# on httpx's successor and does as httpx does. PyGithub follows a 301 alone; a 302 or 307 is to it a success without a
# body, though nothing was sent to the new address. The server here takes anything there. Each line: what came in,
# then what the caller got.
#
# Seen on 2026-11-27:
#   301 requests POST+GET 201
#   301 urllib3 POST+POST 201
#   301 httpx POST+GET 201
#   301 ghapi POST+GET {}
#   301 PyGithub POST+POST {}
#   302 requests POST+GET 201
#   302 urllib3 POST+POST 201
#   302 httpx POST+GET 201
#   302 ghapi POST+GET {}
#   302 PyGithub POST None
#   307 requests POST+POST 201
#   307 urllib3 POST+POST 201
#   307 httpx POST+POST 201
#   307 ghapi POST+POST {}
#   307 PyGithub POST None
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages requests==2.34.2 urllib3==2.8.0 httpx==0.28.1 PyGithub==2.10.0 ghapi==2.1.4

shows venv/bin/python - <<'PYTHON'
import logging

import github
import httpx
import requests
import urllib3
from ghapi.core import GhApi
from loopback import Loopback, Reply

github.set_log_level(logging.CRITICAL)
CLIENTS = {
    "requests": lambda url: requests.post(url + "/old", json={}).status_code,
    "urllib3": lambda url: urllib3.request("POST", url + "/old", json={}).status,
    "httpx": lambda url: httpx.post(url + "/old", json={}, follow_redirects=True).status_code,
    "ghapi": lambda url: GhApi(gh_host=url, token="t", sync=True)("/old", "POST", data={}),
    "PyGithub": lambda url: github.Github(base_url=url).requester.requestJsonAndCheck("POST", "/old", input={})[1],
}


def answer(request):
    if request.path == "/old":
        return Reply(status, {"Location": server.url + "/new"}, b"")
    return Reply(201)


for status in 301, 302, 307:
    for name, post in CLIENTS.items():
        with Loopback(answer) as server:
            got = post(server.url)
        print(status, name, "+".join(server.methods()), got)
PYTHON
