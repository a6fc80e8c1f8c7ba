"""Every setting: its name, its spellings, its default, and what is allowed.

One row of `SETTINGS` is one setting. The command line, the environment, the action's inputs, the parameters of
the Jenkins step and the tables of docs/settings.md are all derived from it or held against it by a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from test_executions_rerunner.cli.settings import parsing
from test_executions_rerunner.defaults import (
    CHOICES,
    CONCURRENCY,
    FAMILIES,
    GITHUB_SERVER_URL,
    JENKINS_URL,
    JENKINS_USERNAME,
    MAX_ATTEMPTS,
    REPOSITORIES,
    TEST_OBSERVER_URL,
    allowed_numbers,
)
from test_executions_rerunner.processors import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Callable


def is_off(value: object) -> bool:
    """Tell whether a value says no more than that a setting is not set, or switched off."""
    return value is None or value is False or value == ()


class Setting(NamedTuple):
    """One setting and all its spellings."""

    name: str
    """In Python, in `Settings` and, where it has one, as the action's input."""
    parse: Callable[[str], object]
    """Turns one non-empty text into the value; a ValueError says what is allowed."""
    help: str
    """One sentence for ``--help``."""
    default: object = None
    environment: tuple[str, ...] = ()
    """Names of environment variables, the strongest first."""
    flag: str | None = None
    metavar: str | None = None
    """None: a flag without a value."""
    is_input: bool = True
    """Whether the GitHub Action has an input of this name."""
    is_several: bool = False
    """Several values: a repeatable flag; one value a line in a variable or an input."""
    is_secret: bool = False
    of: str | None = None
    """The one processor that it means something to; its flag is an error with another."""
    example: str | None = None
    """How its flag is written, for ``--help``."""

    @property
    def help_text(self) -> str:
        """The sentence for ``--help``, with the default and an example where there is one."""
        more = [f"default: {self.default_text}"] if self.default_text else []
        more += ["repeatable"] if self.is_several else []
        more += [f"example: {self.example}"] if self.example else []
        return self.help + (f" ({'; '.join(more)})" if more else "")

    @property
    def default_text(self) -> str | None:
        """The default as a person would write it; None: without one, or it is in the sentence."""
        if is_off(self.default):
            return None
        return " ".join(self.default) if isinstance(self.default, tuple) else str(self.default)


def _row(name: str, parse: Callable[[str], object], text: str, **more: Any) -> Setting:  # noqa: ANN401 - row fields
    """Spell a setting mechanically: ``dry_run`` is ``--dry-run`` and ``RERUNNER_DRY_RUN``."""
    more.setdefault("flag", f"--{name.replace('_', '-')}")
    more.setdefault("environment", (f"RERUNNER_{name.upper()}",))
    return Setting(name, parse, text, **more)


def _processor(text: str) -> object:
    """Return the CI system that a text names: one of those that are registered when it is read."""
    return parsing.one_of(*REGISTRY)(text)


SETTINGS: tuple[Setting, ...] = (
    _row(
        "processor",
        _processor,
        "the CI system whose reruns are started",
        default="jenkins",
        flag=None,
        environment=(),
    ),
    _row(
        "test_observer_url",
        parsing.url,
        "the Test Observer API whose queue is drained",
        metavar="URL",
        default=TEST_OBSERVER_URL,
        environment=("TEST_OBSERVER_URL",),
    ),
    _row(
        "test_observer_api_key",
        parsing.secret,
        "Test Observer's API key",
        flag=None,
        environment=("TEST_OBSERVER_API_KEY",),
        is_secret=True,
    ),
    _row(
        "jenkins_url",
        parsing.url,
        "the Jenkins controller served",
        metavar="URL",
        default=JENKINS_URL,
        environment=("JENKINS_URL",),
        of="jenkins",
    ),
    _row(
        "jenkins_public_url",
        parsing.url,
        "where links to that controller point too; every call goes to --jenkins-url",
        metavar="URL",
        environment=("JENKINS_PUBLIC_URL",),
        of="jenkins",
    ),
    _row(
        "jenkins_username",
        parsing.user,
        "the Jenkins user",
        flag=None,
        default=JENKINS_USERNAME,
        environment=("JENKINS_USERNAME",),
    ),
    _row(
        "jenkins_api_token",
        parsing.secret,
        "the API token of that user",
        flag=None,
        environment=("JENKINS_API_TOKEN",),
        is_secret=True,
    ),
    _row(
        "github_token",
        parsing.secret,
        "a GitHub token with Actions: write",
        flag=None,
        environment=("GH_TOKEN", "GITHUB_TOKEN"),
        is_secret=True,
    ),
    _row(
        "github_server_url",
        parsing.url,
        "the GitHub server of the links served",
        flag=None,
        default=GITHUB_SERVER_URL,
        environment=("GITHUB_SERVER_URL",),
        is_input=False,
    ),
    _row(
        "github_api_url",
        parsing.url,
        "the API of that server",
        flag=None,
        environment=("GITHUB_API_URL",),
        is_input=False,
    ),
    _row(
        "repo",
        parsing.repository,
        "GitHub: a repository served, with globs; NAME alone means canonical/NAME, !OWNER/NAME takes some out again",
        metavar="OWNER/NAME",
        default=REPOSITORIES,
        is_several=True,
        of="github",
    ),
    _row(
        "family",
        parsing.one_of(*FAMILIES),
        f"only requests of this family: {', '.join(FAMILIES)}",
        metavar="FAMILY",
    ),
    _row("environment", parsing.text, "only requests of this environment", metavar="NAME"),
    _row("environment_architecture", parsing.text, "only environments of this one", metavar="ARCH"),
    _row("build_architecture", parsing.text, "only builds of this architecture", metavar="ARCH"),
    _row("limit", parsing.number("limit"), "start at most this many reruns", metavar="N"),
    _row(
        "rerun",
        parsing.one_of(*CHOICES["rerun"]),
        "GitHub: what to rerun: the whole run, its failed jobs, or just the job asked for",
        metavar="|".join(CHOICES["rerun"]),
        default="run",
        of="github",
    ),
    _row(
        "max_attempts",
        parsing.number("max_attempts"),
        f"GitHub: most attempts of one run, {allowed_numbers('max_attempts')}",
        metavar="N",
        default=MAX_ATTEMPTS,
        of="github",
    ),
    _row(
        "parameters_from",
        parsing.one_of(*CHOICES["parameters_from"]),
        "Jenkins: take a build's parameters from its request's family, or from the build that the link names",
        metavar="|".join(CHOICES["parameters_from"]),
        default="family",
        of="jenkins",
    ),
    _row("max_per_day", parsing.number("max_per_day"), "most reruns of one target in 24 hours", metavar="N"),
    _row("max_queued", parsing.number("max_queued"), "most that may wait in the CI system's queue", metavar="N"),
    _row("skip_archived", parsing.boolean, "leave archived artefacts alone", default=False),
    _row("skip_decided", parsing.boolean, "leave alone what was decided or has passed", default=False),
    _row(
        "min_priority",
        parsing.number("min_priority"),
        f"serve this priority and higher ones, {allowed_numbers('min_priority')}",
        metavar="N",
    ),
    _row(
        "acknowledge",
        parsing.one_of(*CHOICES["acknowledge"]),
        "when a request leaves the queue: once its rerun is accepted, or once it has started",
        metavar="|".join(CHOICES["acknowledge"]),
        default="accepted",
    ),
    _row("announce", parsing.boolean, "put the rerun's link on the test execution", default=False),
    _row("time_limit", parsing.number("time_limit"), "start nothing new after so long", metavar="MINUTES"),
    _row(
        "build_parameters",
        parsing.build_parameter,
        "Jenkins: one more build parameter, for one family or for all",
        metavar="[FAMILY:]NAME=VALUE",
        flag="--build-parameter",
        default=(),
        is_several=True,
        of="jenkins",
    ),
    _row(
        "requests",
        parsing.text,
        "take the requests from a JSON file, not from Test Observer; -: standard input",
        metavar="FILE",
        example="--requests queue.json",
    ),
    _row("discard_refused", parsing.boolean, "delete requests that can never be served", default=False),
    _row("dry_run", parsing.boolean, "show the plan: look, start nothing, delete nothing", default=False),
    _row("check", parsing.boolean, "check credentials and permissions, change nothing", default=False),
    _row(
        "concurrency",
        parsing.number("concurrency"),
        f"parallel calls, {allowed_numbers('concurrency')}",
        metavar="N",
        default=CONCURRENCY,
    ),
    _row(
        "report",
        parsing.text,
        "write the outcomes to this file as JSON; -: standard output",
        metavar="FILE",
        is_input=False,
        example="--report report.json",
    ),
)
