"""The README and the documents are true: their tables match the code, their Python snippet runs as it stands."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from contract.pages import EVERYTHING, PAGES, code, table
from test_executions_rerunner import defaults
from test_executions_rerunner.calls.sessions import Session
from test_executions_rerunner.cli import main as cli
from test_executions_rerunner.cli.settings import rows as settings
from test_executions_rerunner.cli.telling import report as reporting
from test_executions_rerunner.demo import GithubServer, JenkinsServer, TestObserverServer
from test_executions_rerunner.models import Check, Outcome, State
from test_executions_rerunner.rerun_request import RerunRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

PYTHON = re.compile(r"^```python\n(.+?)^```", re.DOTALL | re.MULTILINE)
NOTHING = "\N{EN DASH}"
SECRET_STEP_PARAMETERS = {
    "test_observer_api_key": ["testObserverCredentialsId"],
    "jenkins_username": ["jenkinsCredentialsId"],
    "jenkins_api_token": ["jenkinsCredentialsId"],
    "github_token": ["githubCredentialsId", "githubAppCredentialsId"],
}


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def report_fields() -> list[str]:
    """Return the names of all fields of a report with a request and a check in it."""
    request = RerunRequest(1, None, None, None)
    made = reporting.Report(
        "github", outcomes=[Outcome(request, State.FAILED, "")], checks=[Check("a", ok=True, message="")]
    )
    told = reporting.as_object(made)
    return [*told, *told["requests"][0], *told["checks"][0]]


@pytest.mark.parametrize("row", settings.SETTINGS, ids=lambda row: row.name)
def test_each_setting_stands_in_the_table_of_the_command_line(row: settings.Setting) -> None:
    """In the order of the settings, with its flag, its variables and its default."""
    _, flag, environment, default = table("settings: command")[settings.SETTINGS.index(row)]

    if row.flag:
        assert code(flag)[0].split()[0] == row.flag
    elif row.name != "processor":
        assert flag == NOTHING
    assert tuple(code(environment)) == row.environment
    assert _tells(default, row)


def test_each_input_stands_in_the_table_of_the_workflow() -> None:
    rows = {code(name)[0]: default for name, _, default in table("settings: action")}
    inputs = [row for row in settings.SETTINGS if row.is_input]

    assert list(rows) == [row.name for row in inputs]
    assert [row.name for row in inputs if not _tells(rows[row.name], row)] == []


def test_each_parameter_stands_in_the_table_of_the_step() -> None:
    without = {"github_server_url", "github_api_url", "report"}
    names = [
        name
        for row in settings.SETTINGS
        if row.name not in without
        for name in SECRET_STEP_PARAMETERS.get(row.name, [camel(row.name)])
    ]

    assert {*names, "image", "command"} == {name for cells in table("settings: step") for name in code(cells[0])}


def test_the_tables_have_no_other_settings() -> None:
    assert len(table("settings: command")) == len(settings.SETTINGS)


def _tells(default: str, row: settings.Setting) -> bool:
    values = row.default if isinstance(row.default, tuple) else (row.default,)
    return all(str(value) in default for value in values if value and value is not True)


def test_every_outcome_is_explained_and_none_else() -> None:
    rows = {code(cells[0])[0]: cells for cells in table("outcomes")}
    assert set(rows) == {state.value for state in State}
    for state in State:
        assert rows[state.value][3] == ("yes" if state.is_failure else "no")
        assert rows[state.value][2].startswith("no" if state.is_served else "yes")


def test_the_exit_codes_are_those_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out.partition("exit codes:")[2]
    codes = [word for cells in table("exit codes") for word in cells[0].split(", ")]
    assert sorted(codes) == sorted(re.findall(r"\b\d{1,3}\b", shown))


def test_who_comes_from_the_script_is_told_every_exit_code() -> None:
    (told,) = re.findall(r"^\| exit code \| .+ \| \[(.+)\]\(outcomes.md#exit-codes\)", EVERYTHING, re.MULTILINE)
    codes = [word for cells in table("exit codes") for word in cells[0].split(", ")]
    assert re.findall(r"\d+", told) == codes


def test_each_flag_of_help_stands_in_the_documents(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    flags = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help", "--verbose", "--quiet", "--version"}
    assert {flag for flag in flags if flag not in EVERYTHING} == set()


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestObserverServer, JenkinsServer, GithubServer]]:
    """Loopback servers that stand where the defaults point to."""
    with TestObserverServer(requires_key=False) as observer, JenkinsServer() as jenkins, GithubServer() as github:
        places = {
            defaults.TEST_OBSERVER_URL: observer.url,
            defaults.JENKINS_URL: jenkins.url,
            "https://api.github.com:443": github.url,
            "https://api.github.com": github.url,
        }
        send = Session.send

        def redirect(self: Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # noqa: ANN401 - as in the base class
            request.headers["Host"] = urlsplit(request.url or "").netloc  # Jenkins names its queue items by it
            for default, loopback in places.items():
                request.url = (request.url or "").replace(default, loopback)
            assert request.url, "every request has a place"
            assert request.url.startswith("http://127.0.0.1:")
            return send(self, request, **more)

        monkeypatch.setattr(Session, "send", redirect)
        yield observer, jenkins, github


def test_the_python_snippet_runs_as_it_stands(
    servers: tuple[TestObserverServer, JenkinsServer, GithubServer], caplog: pytest.LogCaptureFixture
) -> None:
    observer, jenkins, github = servers
    jenkins.add_job("cert-rpi400-arm64-core24-beta")
    github.add_run("canonical/certification-lab-ci", 13326600211)
    observer.add("https://github.com/canonical/certification-lab-ci/actions/runs/13326600211")
    observer.add("https://elsewhere.example.org/")
    observer.add("https://elsewhere.example.org/", test_execution_id=86862)
    link = f"{defaults.JENKINS_URL}/job/cert-rpi400-arm64-core24-beta/29/"
    names: dict[str, Any] = {
        "user": jenkins.user,
        "token": jenkins.token,
        "rerun_request": {"ci_link": link, "family": "snap"},
    }
    caplog.set_level(logging.INFO)
    (snippet,) = PYTHON.findall(PAGES["docs/python.md"])
    github.token = jenkins.token
    exec(compile(snippet, "python.md", "exec"), names)  # noqa: S102 - our documents' own code

    url = f"{defaults.JENKINS_URL}/job/cert-rpi400-arm64-core24-beta/buildWithParameters"
    assert names["post_arguments"] == {"url": url, "json": {"TEST_OBSERVER_REPORTING": True}}
    logged = next(record for record in caplog.records if record.name == "root")
    assert (logged.levelname, logged.getMessage()) == ("INFO", f"POST {names['post_arguments']}")
    assert jenkins.triggered("cert-rpi400-arm64-core24-beta") == 1
    api = "https://api.github.com/repos/canonical/certification-lab-ci/actions/runs/13326600211/rerun"
    assert names["processed_requests"] == {1: {"url": api}}
    assert names["submitted_requests"] == [1]
    assert github.triggered(13326600211) == 1
    assert observer.ids() == [2], "86862 and 1 are deleted"


def test_the_comments_of_the_python_snippet_are_true() -> None:
    """What stands behind ``#`` is what the class methods return."""
    (snippet,) = PYTHON.findall(PAGES["docs/python.md"])
    pattern = r"^(\w+Processor\.process\(.+\))\n((?:# .+\n)+)"
    found = re.findall(pattern, snippet, re.MULTILINE)
    assert len(found) == 2
    import test_executions_rerunner  # noqa: PLC0415 - its names are the snippet's

    for call, comment in found:
        said = re.sub(r"^# ", "", comment, flags=re.MULTILINE).split("          family")[0]
        names = {name: getattr(test_executions_rerunner, name) for name in test_executions_rerunner.__all__}
        assert eval(call, names) == eval(said)  # noqa: S307 - our documents' own code


@pytest.mark.parametrize("name", ["version", *report_fields()])
def test_each_field_of_the_report_is_explained(name: str) -> None:
    told = PAGES["docs/outcomes.md"].partition("## The report")[2].partition("\n## ")[0]
    assert f"`{name}`" in told


def test_the_version_of_the_report_is_that_of_the_code() -> None:
    assert f"`version` ({reporting.VERSION})" in PAGES["docs/outcomes.md"]
