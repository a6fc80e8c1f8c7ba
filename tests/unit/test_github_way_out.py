"""The way out of a refusal: one harmless line, and a command only where each part can be typed as it is shown."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test_executions_rerunner.links import Origin
from test_executions_rerunner.processors.github.links import RunLink
from test_executions_rerunner.processors.github.way_out import way_out
from test_executions_rerunner.text import harmless

LINK = RunLink("canonical", "lab", "7")
COMMAND = "gh workflow run "


def told(path: object = ".github/workflows/ci.yml", branch: object = "main", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"path": path, "head_branch": branch, "head_repository": {"full_name": "Canonical/lab"}, **more}


def out(run: dict[str, Any], server: str = "https://github.com") -> str | None:
    return way_out(run, LINK, Origin.parse(server))


@pytest.mark.parametrize(
    ("path", "branch", "command"),
    [
        pytest.param(".github/workflows/ci.yml", "main", "ci.yml -R canonical/lab --ref main", id="plain"),
        pytest.param(".github/workflows/ci.yml@refs/heads/x", "x", "ci.yml -R canonical/lab --ref x", id="with ref"),
        pytest.param(".github/workflows/c.yaml@a/b@c", "b@c", "c.yaml -R canonical/lab --ref b@c", id="odd ref"),
        pytest.param(".github/workflows/a b.yml", "$(id)", "'a b.yml' -R canonical/lab --ref '$(id)'", id="quoted"),
        pytest.param(".github/workflows/c.yml", "it's", """c.yml -R canonical/lab --ref 'it'"'"'s'""", id="quote"),
    ],
)
def test_the_command_names_workflow_repository_and_branch_each_quoted(path: str, branch: str, command: str) -> None:
    assert out(told(path, branch)) == f"it can be started afresh, if its workflow allows that: `{COMMAND}{command}`"


@pytest.mark.parametrize(
    ("server", "repository"),
    [
        pytest.param("https://github.com", "canonical/lab", id="github.com"),
        pytest.param("https://ghes.example", "ghes.example/canonical/lab", id="Enterprise"),
        pytest.param("https://ghes.example:8443", None, id="a port that gh does not know"),
        pytest.param("http://ghes.example", None, id="no TLS"),
    ],
)
def test_the_command_names_the_server_where_gh_needs_it(server: str, repository: str | None) -> None:
    line = out(told(), server) or ""
    assert (f"-R {repository} " in line) if repository else (COMMAND not in line)


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(told(branch="a\nb"), id="line feed"),
        pytest.param(told(branch="a\x1b[31mb"), id="escape"),
        pytest.param(told(branch="a\u202eb"), id="bidi mark"),
        pytest.param(told(branch="a\ud800"), id="lone surrogate"),
        pytest.param(told(branch="-x"), id="branch like a flag"),
        pytest.param(told(".github/workflows/-x.yml"), id="file like a flag"),
        pytest.param(told(".github/workflows/=ls.yml"), id="file that zsh expands"),
        pytest.param(told(".github/workflows/a  b.yml"), id="blanks that a log folds"),
        pytest.param(told(branch="##[error]x"), id="workflow command"),
        pytest.param(told(branch="a`id`"), id="backtick that ends the code"),
        pytest.param(told(branch="x" * 300), id="too long"),
        pytest.param(told(branch=None), id="no branch"),
        pytest.param(told(branch=5), id="branch that is no text"),
        pytest.param(told("dynamic/github-code-scanning/codeql"), id="no file"),
        pytest.param(told(".github/workflows/../x.yml"), id="way up"),
        pytest.param(told(".github/workflows/a@b.yml"), id="file that cannot be told from a ref"),
        pytest.param(told(head_repository=None), id="fork that is gone"),
        pytest.param(told(head_repository={"full_name": "evil/lab"}), id="branch of a fork"),
    ],
)
def test_where_the_command_could_do_something_else_there_are_words_alone(run: dict[str, Any]) -> None:
    line = out(run)
    assert line is not None
    assert COMMAND not in line
    assert line.startswith("its workflow is '")
    assert line.isprintable()


@pytest.mark.parametrize("path", [None, "", 5, ["x"]], ids=repr)
def test_a_run_that_names_no_workflow_has_no_way_out(path: object) -> None:
    assert out(told(path)) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_strangers_name_it_the_line_is_harmless_and_a_shell_reads_the_names_back(name: str, ref: str) -> None:
    line = out(told(f".github/workflows/{name}.yml", ref))
    assert line is not None
    assert line.isprintable()
    assert "##[" not in line
    assert len(line) < 400
    _, command, words = line.partition(COMMAND)
    if command:
        words = words.removesuffix("`")
        assert shlex.split(words) == [f"{name}.yml", "-R", "canonical/lab", "--ref", ref]
        assert harmless(words) == words
