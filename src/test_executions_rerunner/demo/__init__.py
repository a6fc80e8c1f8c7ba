"""Loopback servers that answer as Test Observer, Jenkins and GitHub do: for the demo and for the tests."""

from test_executions_rerunner.demo.faults import Fault
from test_executions_rerunner.demo.github.server import GithubServer
from test_executions_rerunner.demo.jenkins.server import JenkinsServer
from test_executions_rerunner.demo.server import LoopbackServer
from test_executions_rerunner.demo.test_observer.server import TestObserverServer
from test_executions_rerunner.demo.wire import RecordedRequest

__all__ = [
    "Fault",
    "GithubServer",
    "JenkinsServer",
    "LoopbackServer",
    "RecordedRequest",
    "TestObserverServer",
]
