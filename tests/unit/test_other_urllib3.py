"""What stands where urllib3 should: some packages put another in its place, under its name."""

from __future__ import annotations

import os
from types import ModuleType

import pytest
import urllib3

from servers import Servers
from test_executions_rerunner import GithubProcessor, JenkinsProcessor, TestObserverInterface
from test_executions_rerunner.cli import main as cli
from test_executions_rerunner.errors import SettingsError

SENTENCE = (
    r"^urllib3: what is installed under this name \(2\.25\.904\) is not urllib3 but another package, as niquests puts "
    r"in its place, and no call would work with it: install this program in an environment of its own$"
)


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put in its place what urllib3-future puts there: a connection that is none of http.client's."""
    connection = ModuleType("urllib3.connection")
    connection.HTTPConnection = type("HTTPConnection", (), {})  # type: ignore[attr-defined] # a module of this test
    monkeypatch.setattr(urllib3, "connection", connection)
    monkeypatch.setattr(urllib3, "__version__", "2.25.904")


def test_the_queue_says_so_before_any_call() -> None:
    with pytest.raises(SettingsError, match=SENTENCE):
        TestObserverInterface(test_observer_url="http://127.0.0.1:9")


@pytest.mark.parametrize("system", ["jenkins", "github"])
def test_a_processor_says_so_before_its_first_call(system: str) -> None:
    with Servers() as servers:
        if system == "jenkins":
            jenkins = JenkinsProcessor("admin", "token", jenkins_url=servers.jenkins.url)
            post = jenkins.process({"ci_link": f"{servers.jenkins.url}/job/lab/1/", "family": "snap"})
            with pytest.raises(SettingsError, match=SENTENCE):
                jenkins.submit(post)
        else:
            github = GithubProcessor("token", github_api_url=servers.github.url)
            post = github.process({"ci_link": "https://github.com/canonical/lab/actions/runs/7"})
            with pytest.raises(SettingsError, match=SENTENCE):
                github.submit(post)
        assert servers.jenkins.requests + servers.github.requests == []


@pytest.mark.parametrize("system", ["jenkins", "github"])
@pytest.mark.parametrize("mode", ["--check", "--dry-run", "--verbose"])
def test_the_program_ends_with_that_sentence_as_its_one_error(
    system: str, mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith(("RERUNNER_", "INPUT_", "GITHUB_"))]:  # noqa: TID251 - theirs who run it
        monkeypatch.delenv(name)
    with Servers() as servers:
        for name, value in servers.environment().items():
            monkeypatch.setenv(name, value)
        assert cli.main([system, mode]) == 2
        assert servers.observer.requests + servers.jenkins.requests + servers.github.requests == []
    shown = capsys.readouterr()
    assert sum("is not urllib3 but another package" in line for line in (shown.out + shown.err).splitlines()) == 1
    assert "Traceback" not in shown.err
