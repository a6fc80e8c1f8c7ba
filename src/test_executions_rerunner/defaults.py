"""The defaults and bounds that the settings share with the constructors of the public classes."""

from __future__ import annotations

from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.text import LEAST_OF_A_SECRET

TEST_OBSERVER_URL = "https://test-observer-api.canonical.com"
JENKINS_URL = "http://10.102.156.15:8080"
JENKINS_USERNAME = "admin"
GITHUB_SERVER_URL = "https://github.com"
OWNER = "canonical"
"""Of a repository that is named without one."""
REPOSITORIES = (f"{OWNER}/*",)
MAX_ATTEMPTS = 51
"""GitHub allows 50 re-runs of a run, so 51 attempts; the next trigger is answered 201 and leads to nothing."""
CONCURRENCY = 16
MOST_CONCURRENCY = 64

FAMILIES = ("snap", "deb", "charm", "image", "solution")
"""The families that Test Observer knows; any other is answered 422."""
RERUNS = ("run", "failed-jobs", "job")
PARAMETERS_FROM = ("family", "build")
ACKNOWLEDGE = ("accepted", "started")
CHOICES = {"rerun": RERUNS, "parameters_from": PARAMETERS_FROM, "acknowledge": ACKNOWLEDGE, "family": FAMILIES}
TEXTS = ("environment", "environment_architecture", "build_architecture")
SECRETS = ("token", "test_observer_api_key")
MOST_PRIORITY = 1_000_000
"""Test Observer takes priorities from minus this to this."""
BOUNDS: dict[str, tuple[int, int | None]] = {
    "limit": (1, None),
    "min_priority": (-MOST_PRIORITY, MOST_PRIORITY),
    "max_attempts": (1, MAX_ATTEMPTS),
    "max_per_day": (1, None),
    "max_queued": (1, None),
    "time_limit": (1, None),
    "concurrency": (1, MOST_CONCURRENCY),
    "connections": (1, None),
}
"""The least and the most of each number; None: no most."""


def allowed_numbers(name: str) -> str:
    """Say which numbers a setting takes."""
    least, most = BOUNDS[name]
    return f"a whole number from {least} to {most}" if most is not None else f"a whole number of {least} or more"


def check_arguments(**arguments: object) -> None:
    """Hold the arguments of a constructor against the bounds and choices of the settings of the same names.

    Args:
        arguments: By the name of the setting; None stands for "not set".

    Raises:
        SettingsError: Names the argument, its value, and what is allowed.
    """
    for name, value in arguments.items():
        if value is None:
            continue
        if name in CHOICES and value not in CHOICES[name]:
            raise SettingsError(f"{name}: {value!r} is not allowed: one of {', '.join(CHOICES[name])} is")
        if name in BOUNDS and not _is_within(value, *BOUNDS[name]):
            raise SettingsError(f"{name}: {value!r} is not allowed: {allowed_numbers(name)} is")

        if name in SECRETS and value != "" and (problem := secret_problem(value)):
            raise SettingsError(f"{name}: its value (not shown) is not allowed: {problem}")
        if name in TEXTS and not (isinstance(value, str) and value.strip() and value.isprintable()):
            raise SettingsError(f"{name}: {value!r} is not allowed: one line of printable characters is")
        if name == "user" and not (isinstance(value, str) and ":" not in value and value.isprintable()):
            raise SettingsError(f"{name}: {value!r} is not allowed: a user name without a colon is")


def secret_problem(value: object) -> str | None:
    """Say what is allowed of a credential, where one cannot be sent in a header, or not be hidden; None: it can."""
    if not isinstance(value, str) or not (value.isascii() and value.isprintable()) or " " in value:
        return "printable ASCII without blanks is, on one line"
    if len(value) < LEAST_OF_A_SECRET:
        return f"{LEAST_OF_A_SECRET} characters or more are, since a shorter one cannot be hidden"
    return None


def _is_within(value: object, least: int, most: int | None) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and least <= value and (most is None or value <= most)  # type: ignore[operator] # it is whole
