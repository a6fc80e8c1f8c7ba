"""Every setting: its name, its spellings, its default, and what is allowed.

One row of `SETTINGS` is one setting. The command line, the environment, the action's inputs, the parameters of
the Jenkins step and the README's table are all derived from it or held against it by a test.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from test_executions_rerunner import parsing
from test_executions_rerunner.defaults import (
    CONCURRENCY,
    GITHUB_SERVER_URL,
    JENKINS_URL,
    JENKINS_USERNAME,
    MAX_ATTEMPTS,
    MOST_CONCURRENCY,
    PROCESSORS,
    REPOSITORIES,
    TEST_OBSERVER_URL,
)
from test_executions_rerunner.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Setting(NamedTuple):
    """One setting and all its spellings."""

    name: str
    """In Python, in `Settings` and, where it has one, as the action's input."""
    parse: Callable[[str], Any]
    """Turns one non-empty text into the value; a ValueError says what is allowed."""
    help: str
    """One sentence for ``--help``."""
    default: Any = None
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


def _row(name: str, parse: Callable[[str], Any], text: str, **more: Any) -> Setting:  # noqa: ANN401 - row fields
    """Spell a setting mechanically: ``dry_run`` is ``--dry-run`` and ``RERUNNER_DRY_RUN``."""
    more.setdefault("flag", f"--{name.replace('_', '-')}")
    more.setdefault("environment", (f"RERUNNER_{name.upper()}",))
    return Setting(name, parse, text, **more)


SETTINGS: tuple[Setting, ...] = (
    _row(
        "processor",
        parsing.one_of(*PROCESSORS),
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
        "a GitHub repository served, with globs (repeatable; default: canonical/*)",
        metavar="OWNER/NAME",
        default=REPOSITORIES,
        is_several=True,
    ),
    _row("family", parsing.one_of(*parsing.FAMILIES), "only requests of this family", metavar="FAMILY"),
    _row("environment", parsing.text, "only requests of this environment", metavar="NAME"),
    _row("environment_architecture", parsing.text, "only environments of this one", metavar="ARCH"),
    _row("build_architecture", parsing.text, "only builds of this architecture", metavar="ARCH"),
    _row("limit", parsing.whole_number(1), "start at most this many reruns (1 or more)", metavar="N"),
    _row(
        "rerun",
        parsing.one_of("run", "failed-jobs"),
        "GitHub: rerun the whole run or its failed jobs (default: run)",
        metavar="run|failed-jobs",
        default="run",
    ),
    _row(
        "max_attempts",
        parsing.whole_number(1, MAX_ATTEMPTS),
        f"GitHub: most attempts of one run, 1 to {MAX_ATTEMPTS} (default: {MAX_ATTEMPTS})",
        metavar="N",
        default=MAX_ATTEMPTS,
    ),
    _row(
        "build_parameters",
        parsing.build_parameter,
        "Jenkins: one more build parameter, for one family or for all (repeatable)",
        metavar="[FAMILY:]NAME=VALUE",
        flag="--build-parameter",
        default=(),
        is_several=True,
    ),
    _row("requests", parsing.text, "read requests from a JSON file (-: standard input)", metavar="FILE"),
    _row("discard_refused", parsing.boolean, "delete requests that can never be served", default=False),
    _row("dry_run", parsing.boolean, "show the plan: look, start nothing, delete nothing", default=False),
    _row("check", parsing.boolean, "check credentials and permissions, change nothing", default=False),
    _row(
        "concurrency",
        parsing.whole_number(1, MOST_CONCURRENCY),
        f"parallel calls, 1 to {MOST_CONCURRENCY} (default: {CONCURRENCY})",
        metavar="N",
        default=CONCURRENCY,
    ),
    _row("report", parsing.text, "write the outcomes to this file as JSON", metavar="FILE", is_input=False),
)


class Settings:
    """The values of one call, one attribute per row of `SETTINGS`.

    Attributes are named like the settings; a value that nobody set is the default. ``repr`` shows no secret.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {row.name: values.get(row.name, row.default) for row in SETTINGS}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - each row has a type of its own
        try:
            return self.__dict__["values"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must never be shown."""
        found = [self.values[row.name] for row in SETTINGS if row.is_secret and self.values[row.name]]
        token = self.jenkins_api_token
        return (*found, parsing.basic(self.jenkins_username, token)) if token else tuple(found)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.values.items())
        return f"Settings({shown})"


def read_settings(flags: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Read every setting: a flag beats an action's input, which beats the environment, which beats the default.

    Args:
        flags: Texts of the flags that were given, by setting; True for a flag without a value, a list of texts
            for a repeatable one.
        environment: The environment variables. An empty one counts as not set.

    Raises:
        SettingsError: Names the setting as it was spelled, the value, and what is allowed.
    """
    values: dict[str, Any] = {}
    for row in SETTINGS:
        found = _find(row, flags, environment)
        if found is not None:
            values[row.name] = _parse(row, *found)
    settings = Settings(values)
    _check_together(settings, given=values)
    return settings


def _find(row: Setting, flags: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, str | list[str]] | None:
    """Return how the strongest given spelling is called, and its text or texts."""
    given = flags.get(row.name)
    if given is True:
        return f"{row.flag}", "true"
    if given not in (None, "", []):
        return row.flag or row.name, given
    names = [f"INPUT_{row.name.upper()}"] if row.is_input else []
    for name in [*names, *row.environment]:
        if environment.get(name, "").strip():
            return name, environment[name].splitlines() if row.is_several else environment[name]
    return None


def _parse(row: Setting, spelled: str, given: str | list[str]) -> Any:  # noqa: ANN401 - each row has its type
    if not row.is_several:
        return _parse_one(row, spelled, str(given))
    lines = [text for text in given if text.strip()]
    if row.name == "repo":
        lines = [word for line in lines for word in line.split()]
    return tuple(_parse_one(row, spelled, text) for text in lines) or row.default


def _parse_one(row: Setting, spelled: str, given: str) -> Any:  # noqa: ANN401 - each row has its type
    try:
        return row.parse(given)
    except ValueError as error:
        shown = repr(_without_user(given) if row.parse is parsing.url else given)
        value = "its value (not shown)" if row.is_secret else shown
        raise SettingsError(f"{spelled}: {value} is not allowed: {error}") from error


def _without_user(url: str) -> str:
    """Return a URL without what may be a password before its host."""
    return re.sub(r"(://|^).*@", r"\1***@", url, flags=re.DOTALL)


def _check_together(settings: Settings, *, given: Mapping[str, Any]) -> None:
    if settings.processor == "github" and "github_api_url" in given and "github_server_url" not in given:
        raise SettingsError(
            f"GITHUB_API_URL: {given['github_api_url']!r} is not allowed alone: GITHUB_SERVER_URL must name the "
            "server whose API it is"
        )
    if settings.check and settings.dry_run:
        raise SettingsError("--check: 'true' is not allowed together with --dry-run: choose one of them")
