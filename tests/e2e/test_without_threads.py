"""A drain where the system gives no thread at all, as under ``ulimit -u``."""

from __future__ import annotations

import subprocess
import sys

from test_executions_rerunner.demo import JenkinsServer, TestObserverServer

# The limit does not bind root, and no other user may read every Python: hence all imports before the change of user.
PROGRAM = """
import os, resource, sys, threading
from test_executions_rerunner import __main__
from test_executions_rerunner.cli import main as cli, program
from test_executions_rerunner.cli.settings import reading
from test_executions_rerunner.processors.jenkins import processor as jenkins
from test_executions_rerunner.processors.jenkins import client as jenkins_client
import encodings.idna
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
try:
    threading.Thread(target=int).start()
except RuntimeError:
    sys.argv[:] = ["test-executions-rerunner", "jenkins", *sys.argv[1:]]
    __main__.run()
raise SystemExit("the limit does not bind")
"""


def test_a_drain_without_a_thread_does_all_its_work() -> None:
    with TestObserverServer() as observer, JenkinsServer() as jenkins:
        for number in range(20):
            jenkins.add_job(f"lab-{number}")
            observer.add(f"{jenkins.url}/job/lab-{number}/1/")
        environment = {"TEST_OBSERVER_URL": observer.url, "TEST_OBSERVER_API_KEY": "to_demo"}
        environment |= {"JENKINS_URL": jenkins.url, "JENKINS_API_TOKEN": "jenkins-token"}
        ended = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", PROGRAM, "--limit", "15"],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stderr
        assert "15 triggered, 5 deferred" in ended.stderr
        assert (jenkins.count("POST"), observer.count("DELETE"), len(observer.ids())) == (15, 16, 5)
