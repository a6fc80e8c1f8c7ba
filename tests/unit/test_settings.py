"""Every setting by each of its spellings, what beats what, and what is refused."""

from __future__ import annotations

import pytest

from test_executions_rerunner.cli.reading import read_settings
from test_executions_rerunner.cli.settings import SETTINGS, Setting
from test_executions_rerunner.defaults import BOUNDS, CHOICES, allowed_numbers
from test_executions_rerunner.errors import SettingsError

BY_NAME = {row.name: row for row in SETTINGS}
GOOD: dict[str, tuple[str, object]] = {
    "processor": ("github", "github"),
    "test_observer_url": ("HTTPS://Observer.example:443/api/", "https://observer.example/api"),
    "test_observer_api_key": (" to_key ", "to_key"),
    "jenkins_url": ("http://jenkins.example/ci/", "http://jenkins.example/ci"),
    "jenkins_username": ("robot", "robot"),
    "jenkins_api_token": ("11abc", "11abc"),
    "github_token": ("ghp_x", "ghp_x"),
    "github_server_url": ("https://ghes.example", "https://ghes.example"),
    "github_api_url": ("https://ghes.example/api/v3", "https://ghes.example/api/v3"),
    "repo": ("a/b", ("a/b",)),
    "family": ("deb", "deb"),
    "environment": ("rpi 4", "rpi 4"),
    "environment_architecture": ("arm64", "arm64"),
    "build_architecture": ("armhf", "armhf"),
    "limit": ("5", 5),
    "rerun": ("failed-jobs", "failed-jobs"),
    "max_attempts": ("3", 3),
    "parameters_from": ("build", "build"),
    "max_per_day": ("4", 4),
    "max_queued": ("6", 6),
    "skip_archived": ("true", True),
    "announce": ("true", True),
    "time_limit": ("90", 90),
    "build_parameters": ("charm:A=1", ("charm:A=1",)),
    "requests": ("queue.json", "queue.json"),
    "discard_refused": ("true", True),
    "dry_run": ("true", True),
    "check": ("true", True),
    "concurrency": ("64", 64),
    "report": ("report.json", "report.json"),
}
OTHER: dict[str, str] = {"processor": "jenkins", "rerun": "run", "family": "snap", "parameters_from": "family"}
"""Another allowed text, where the one for any number or boolean will not do."""
MEANT_TOGETHER = {"GITHUB_SERVER_URL": "https://ghes.example"}


def other(row: Setting) -> str:
    """Return a text that is allowed too, and means something else."""
    text, value = GOOD[row.name]
    if isinstance(value, bool):
        return "false"
    return OTHER.get(row.name) or ("2" if isinstance(value, int) else text.replace("b", "c") + "x")


ROWS = [pytest.param(row, id=row.name) for row in SETTINGS]
WITH_FLAG = [pytest.param(row, id=row.name) for row in SETTINGS if row.flag]
WITH_INPUT = [pytest.param(row, id=row.name) for row in SETTINGS if row.is_input]
WITH_VARIABLE = [pytest.param(row, name, id=name) for row in SETTINGS for name in row.environment]


def value_of(row: Setting, flags: dict[str, object], environment: dict[str, str]) -> object:
    together = MEANT_TOGETHER if row.name == "github_api_url" else {}
    flags = {"processor": row.of, **flags} if row.of else flags
    return getattr(read_settings(flags, {**together, **environment}), row.name)


def as_flag(row: Setting, text: str) -> object:
    if row.is_several:
        return [text]
    return text if row.metavar else True


def test_the_table_of_this_test_has_every_setting() -> None:
    assert set(GOOD) == set(BY_NAME)


@pytest.mark.parametrize("row", WITH_FLAG)
def test_a_flag_sets_it(row: Setting) -> None:
    text, value = GOOD[row.name]
    assert value_of(row, {row.name: as_flag(row, text)}, {}) == value


@pytest.mark.parametrize(("row", "name"), WITH_VARIABLE)
def test_a_variable_sets_it(row: Setting, name: str) -> None:
    text, value = GOOD[row.name]
    assert value_of(row, {}, {name: text}) == value


@pytest.mark.parametrize("row", WITH_INPUT)
def test_an_input_sets_it(row: Setting) -> None:
    text, value = GOOD[row.name]
    assert value_of(row, {}, {f"INPUT_{row.name.upper()}": text}) == value


@pytest.mark.parametrize("row", [row for row in ROWS if row.values[0] not in [r.values[0] for r in WITH_INPUT]])
def test_an_input_of_another_name_is_none(row: Setting) -> None:
    assert value_of(row, {}, {f"INPUT_{row.name.upper()}": GOOD[row.name][0]}) == row.default


@pytest.mark.parametrize("row", WITH_INPUT)
def test_an_input_beats_the_environment(row: Setting) -> None:
    text, value = GOOD[row.name]
    environment = dict.fromkeys(row.environment, other(row))
    assert value_of(row, {}, {**environment, f"INPUT_{row.name.upper()}": text}) == value


@pytest.mark.parametrize("row", WITH_FLAG)
def test_a_flag_beats_input_and_environment(row: Setting) -> None:
    text, value = GOOD[row.name]
    environment = dict.fromkeys((*row.environment, f"INPUT_{row.name.upper()}"), other(row))
    assert value_of(row, {row.name: as_flag(row, text)}, environment) == value


@pytest.mark.parametrize("empty", [pytest.param("", id="empty"), pytest.param(" \n ", id="blank")])
@pytest.mark.parametrize("row", ROWS)
def test_an_empty_text_is_not_set(row: Setting, empty: str) -> None:
    environment = dict.fromkeys((*row.environment, f"INPUT_{row.name.upper()}"), empty)
    assert value_of(row, {}, environment) == row.default


@pytest.mark.parametrize("row", WITH_INPUT)
def test_an_empty_input_leaves_the_environment_its_say(row: Setting) -> None:
    if row.environment:
        environment = {f"INPUT_{row.name.upper()}": "", row.environment[-1]: GOOD[row.name][0]}
        assert value_of(row, {}, environment) == GOOD[row.name][1]


@pytest.mark.parametrize("row", ROWS)
def test_what_nobody_set_is_the_default(row: Setting) -> None:
    assert getattr(read_settings({}, {}), row.name) == row.default


def test_gh_token_beats_github_token() -> None:
    settings = read_settings({}, {"GITHUB_TOKEN": "second", "GH_TOKEN": "first"})
    assert settings.github_token == "first"


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = read_settings({}, {})
    assert (settings.processor, settings.jenkins_username, settings.repo) == ("jenkins", "admin", ("canonical/*",))
    assert settings.test_observer_url == "https://test-observer-api.canonical.com"
    assert settings.jenkins_url == "http://10.102.156.15:8080"
    assert (settings.rerun, settings.max_attempts, settings.concurrency) == ("run", 51, 16)
    assert (settings.limit, settings.discard_refused, settings.dry_run, settings.check) == (None, False, False, False)


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        pytest.param("INPUT_REPO", "a/b\nc/d", ("a/b", "c/d"), id="repositories by lines"),
        pytest.param("INPUT_REPO", " a/b  c/d\r\n e/f\n\n", ("a/b", "c/d", "e/f"), id="repositories by blanks too"),
        pytest.param("RERUNNER_REPO", "a/b c/d", ("a/b", "c/d"), id="in a variable"),
        pytest.param("INPUT_BUILD_PARAMETERS", "A=1 2\nsnap:B= x \n\n", ("A=1 2", "snap:B= x "), id="parameters"),
        pytest.param("RERUNNER_BUILD_PARAMETERS", "A=", ("A=",), id="parameter without a value"),
    ],
)
def test_several_values_are_one_a_line(name: str, text: str, values: tuple[str, ...]) -> None:
    settings = read_settings({}, {name: text})
    assert (settings.repo if "REPO" in name else settings.build_parameters) == values


def test_a_flag_given_twice_has_both_values() -> None:
    settings = read_settings({"processor": "github", "repo": ["a/b", "c/d e/f"]}, {})
    assert settings.repo == ("a/b", "c/d", "e/f")
    assert read_settings({"build_parameters": ["A=1", "B=2"]}, {}).build_parameters == ("A=1", "B=2")


@pytest.mark.parametrize("text", ["true", "TRUE", "True", "yes", "YES", "1", " true\n"])
@pytest.mark.parametrize("name", ["dry_run", "check", "discard_refused", "skip_archived", "announce"])
def test_a_boolean_is_switched_on_by_each_of_its_words(name: str, text: str) -> None:
    assert getattr(read_settings({}, {f"INPUT_{name.upper()}": text}), name) is True


@pytest.mark.parametrize("text", ["false", "False", "no", "NO", "0"])
@pytest.mark.parametrize("name", ["dry_run", "check", "discard_refused", "skip_archived", "announce"])
def test_a_boolean_is_switched_off_by_each_of_its_words(name: str, text: str) -> None:
    environment = {f"INPUT_{name.upper()}": text, f"RERUNNER_{name.upper()}": "true"}
    assert getattr(read_settings({}, environment), name) is False


WRONG = [
    pytest.param("INPUT_PROCESSOR", "travis", "one of jenkins, github", id="processor"),
    pytest.param("TEST_OBSERVER_URL", "observer.example", "http(s)://HOST", id="URL without scheme"),
    pytest.param("TEST_OBSERVER_URL", "ftp://observer.example", "http(s)://HOST", id="another scheme"),
    pytest.param("TEST_OBSERVER_URL", "https://", "http(s)://HOST", id="URL without host"),
    pytest.param("JENKINS_URL", "http://jenkins.example/?x=1", "http(s)://HOST", id="URL with a query"),
    pytest.param("JENKINS_URL", "http://jenkins.example/#x", "http(s)://HOST", id="URL with a fragment"),
    pytest.param("JENKINS_URL", "http://jenkins.example:0", "port", id="port 0"),
    pytest.param("JENKINS_URL", "http://jenkins.example:65536", "port", id="port past the last"),
    pytest.param("JENKINS_URL", "http://jenkins example", "http(s)://HOST", id="URL with a blank"),
    pytest.param("JENKINS_URL", "http://j.example/a\nb", "http(s)://HOST", id="URL of two lines"),
    pytest.param("GITHUB_SERVER_URL", "github.com", "http(s)://HOST", id="server without scheme"),
    pytest.param("JENKINS_USERNAME", "a:b", "without a colon", id="user with a colon"),
    pytest.param("RERUNNER_REPO", "/lab", "OWNER/NAME", id="repository of an empty owner"),
    pytest.param("RERUNNER_REPO", "a/b/c", "OWNER/NAME", id="too many parts"),
    pytest.param("RERUNNER_REPO", "a/b,c/d", "OWNER/NAME", id="comma"),
    pytest.param("RERUNNER_REPO", "https://github.com/a/b", "OWNER/NAME", id="link to a repository"),
    pytest.param("RERUNNER_FAMILY", "rpm", "snap, deb, charm, image, solution", id="family"),
    pytest.param("RERUNNER_FAMILY", "Snap", "snap, deb, charm, image, solution", id="family in another case"),
    pytest.param("RERUNNER_ENVIRONMENT", "a\x1b[31m", "one line of printable", id="environment"),
    pytest.param("RERUNNER_LIMIT", "0", "1 or more", id="limit 0"),
    pytest.param("RERUNNER_LIMIT", "-1", "1 or more", id="negative limit"),
    pytest.param("RERUNNER_LIMIT", "1.5", "1 or more", id="half a rerun"),
    pytest.param("RERUNNER_LIMIT", "\u0663", "1 or more", id="arabic digit"),
    pytest.param("RERUNNER_LIMIT", "1_000", "1 or more", id="underscore"),
    pytest.param("RERUNNER_LIMIT", "9" * 5000, "1 or more", id="more digits than Python reads"),
    pytest.param("RERUNNER_RERUN", "jobs", "one of run, failed-jobs, job is", id="rerun"),
    pytest.param("RERUNNER_PARAMETERS_FROM", "job", "one of family, build is", id="parameters from"),
    pytest.param("RERUNNER_MAX_PER_DAY", "0", "1 or more", id="no rerun a day"),
    pytest.param("RERUNNER_MAX_QUEUED", "0", "1 or more", id="nothing queued"),
    pytest.param("RERUNNER_TIME_LIMIT", "0", "1 or more", id="no time"),
    pytest.param("RERUNNER_TIME_LIMIT", "1h", "1 or more", id="time with a unit"),
    pytest.param("RERUNNER_LIMIT", "\u00b2", "1 or more", id="superscript digit"),
    pytest.param("RERUNNER_MAX_ATTEMPTS", "0", "from 1 to 51", id="no attempts"),
    pytest.param("RERUNNER_MAX_ATTEMPTS", "52", "from 1 to 51", id="more attempts than GitHub allows"),
    pytest.param("RERUNNER_CONCURRENCY", "0", "from 1 to 64", id="no calls"),
    pytest.param("RERUNNER_CONCURRENCY", "65", "from 1 to 64", id="too many calls"),
    pytest.param("RERUNNER_BUILD_PARAMETERS", "A", "[FAMILY:]NAME=VALUE", id="parameter without value"),
    pytest.param("RERUNNER_BUILD_PARAMETERS", "=1", "[FAMILY:]NAME=VALUE", id="parameter without name"),
    pytest.param("RERUNNER_BUILD_PARAMETERS", "rpm:A=1", "[FAMILY:]NAME=VALUE", id="parameter of no family"),
    pytest.param("RERUNNER_BUILD_PARAMETERS", ":A=1", "[FAMILY:]NAME=VALUE", id="parameter of an empty family"),
    pytest.param("RERUNNER_BUILD_PARAMETERS", "json={}", "not 'json'", id="parameter called json"),
    pytest.param("RERUNNER_DRY_RUN", "on", "true/false, yes/no or 1/0", id="boolean"),
    pytest.param("INPUT_CHECK", "maybe", "true/false, yes/no or 1/0", id="another boolean"),
]


@pytest.mark.parametrize(("name", "text", "allowed"), WRONG)
def test_a_wrong_value_is_refused_with_its_name_the_value_and_what_is_allowed(
    name: str, text: str, allowed: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({}, {name: text})
    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert repr(text) in message
    assert allowed in message


def test_a_wrong_flag_is_named_as_the_flag() -> None:
    with pytest.raises(SettingsError, match=r"^--limit: '0' is not allowed: a whole number of 1 or more is$"):
        read_settings({"limit": "0"}, {"RERUNNER_LIMIT": "5"})


def test_an_empty_flag_is_not_set() -> None:
    assert read_settings({"limit": "", "repo": []}, {"RERUNNER_LIMIT": "5"}).limit == 5


@pytest.mark.parametrize("name", ["TEST_OBSERVER_API_KEY", "JENKINS_API_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sesame open", id="blank"),
        pytest.param("sesame\nopen", id="two lines"),
        pytest.param("sesam\u00e9", id="not ASCII"),
        pytest.param("sesame\x00", id="control character"),
    ],
)
def test_a_wrong_secret_is_refused_and_not_shown(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({}, {name: text})
    assert str(refused.value).startswith(f"{name}: its value (not shown) is not allowed: printable ASCII")
    assert "sesam" not in str(refused.value)


@pytest.mark.parametrize("name", ["TEST_OBSERVER_URL", "JENKINS_URL", "GITHUB_SERVER_URL", "INPUT_JENKINS_URL"])
@pytest.mark.parametrize("text", ["https://robot:sesame@host.example/x", "https://sesame@host.example", "sesame@host"])
def test_a_credential_in_a_url_is_refused_and_not_shown(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({}, {name: text})
    assert str(refused.value).startswith(f"{name}: ")
    assert "without credentials" in str(refused.value)
    assert "sesame" not in str(refused.value)


def test_no_secret_is_in_the_text_of_the_settings() -> None:
    names = {name: f"sesame-{name}" for row in SETTINGS if row.is_secret for name in row.environment}
    settings = read_settings({}, names)
    assert settings.github_token == "sesame-GH_TOKEN"
    assert "sesame" not in repr(settings)
    assert "sesame" not in repr(vars(settings))


def test_no_secret_has_a_flag() -> None:
    assert [row.name for row in SETTINGS if row.is_secret and row.flag] == []


def test_the_api_of_an_unnamed_github_server_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"GITHUB_API_URL: 'https://ghes\.example/api/v3' is not allowed alone"):
        read_settings({"processor": "github"}, {"GITHUB_API_URL": "https://ghes.example/api/v3"})


TOO_SHORT = "its value (not shown) is not allowed: 4 characters or more are, since a shorter one cannot be hidden"


def wrong(flags: dict[str, object], **environment: str) -> list[str]:
    """Return what is said of wrong settings, line by line."""
    with pytest.raises(SettingsError) as refused:
        read_settings(flags, environment)
    return str(refused.value).splitlines()


@pytest.mark.parametrize("name", ["TEST_OBSERVER_API_KEY", "JENKINS_API_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"])
def test_a_secret_too_short_to_be_hidden_is_refused_and_not_shown(name: str) -> None:
    (line,) = wrong({}, **{name: "qzx"})
    assert line == f"{name}: {TOO_SHORT}"


def test_a_check_is_no_dry_run_and_both_are_named_as_they_were_spelled() -> None:
    assert wrong({"check": True, "dry_run": True}) == [
        "--check is not allowed together with --dry-run: choose one of them"
    ]
    assert wrong({"check": True}, RERUNNER_DRY_RUN="yes") == [
        "--check is not allowed together with RERUNNER_DRY_RUN: choose one of them"
    ]


def test_all_that_is_wrong_is_told_at_once_in_one_style() -> None:
    flags: dict[str, object] = {"limit": "0", "family": "rpm", "check": True, "dry_run": True}
    assert wrong(flags, RERUNNER_CONCURRENCY="many", GH_TOKEN="x", RERUNNER_LIMITS="5") == [
        f"GH_TOKEN: {TOO_SHORT}",
        "--family: 'rpm' is not allowed: one of snap, deb, charm, image, solution is",
        "--limit: '0' is not allowed: a whole number of 1 or more is",
        "RERUNNER_CONCURRENCY: 'many' is not allowed: a whole number from 1 to 64 is",
        "--check is not allowed together with --dry-run: choose one of them",
        "RERUNNER_LIMITS is no setting: did you mean RERUNNER_LIMIT?",
    ]


@pytest.mark.parametrize("row", [row for row in WITH_FLAG if isinstance(row.values[0], Setting) and row.values[0].of])
def test_a_flag_of_the_other_processor_is_refused(row: Setting) -> None:
    other_one = {"github": "jenkins", "jenkins": "github"}[str(row.of)]
    flags = {"processor": other_one, row.name: as_flag(row, GOOD[row.name][0])}
    assert wrong(flags) == [f"{row.flag} is not allowed with {other_one}: it is a setting of {row.of}"]


@pytest.mark.parametrize("row", [row for row in ROWS if isinstance(row.values[0], Setting) and row.values[0].of])
def test_a_variable_or_an_input_of_the_other_processor_may_be_that_of_a_whole_job(row: Setting) -> None:
    names = (*row.environment, f"INPUT_{row.name.upper()}")
    for name in names:
        processor = {"github": "jenkins", "jenkins": "github"}[str(row.of)]
        settings = read_settings({"processor": processor}, {name: GOOD[row.name][0]})
        assert getattr(settings, row.name) == GOOD[row.name][1]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        pytest.param("RERUNNER_DRYRUN", "RERUNNER_DRY_RUN", id="without the line"),
        pytest.param("RERUNNER_BUILD_PARAMETER", "RERUNNER_BUILD_PARAMETERS", id="as the flag is called"),
        pytest.param("RERUNNER_MAX_ATTEMPT", "RERUNNER_MAX_ATTEMPTS", id="singular"),
    ],
)
def test_an_unknown_variable_of_ours_is_refused_with_the_nearest_one(name: str, nearest: str) -> None:
    assert wrong({}, **{name: "1"}) == [f"{name} is no setting: did you mean {nearest}?"]


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"RERUNNER_STEP_FOLDER": "x"}, id="of the Jenkins step"),
        pytest.param({"RERUNNER_LIMITS": ""}, id="empty"),
        pytest.param({"OTHER_RERUNNER_X": "1"}, id="of something else"),
    ],
)
def test_other_variables_are_left_alone(environment: dict[str, str]) -> None:
    assert read_settings({}, environment).limit is None


def test_a_repository_without_an_owner_is_canonicals() -> None:
    assert read_settings({"processor": "github", "repo": ["lab", "a/b", "cert-*"]}, {}).repo == (
        *("canonical/lab", "a/b", "canonical/cert-*"),
    )


def test_the_bounds_and_choices_are_those_of_the_constructors() -> None:
    for name, (least, most) in ((name, BOUNDS[name]) for name in BY_NAME if name in BOUNDS):
        variable = f"RERUNNER_{name.upper()}"
        assert getattr(read_settings({}, {variable: str(least)}), name) == least
        assert allowed_numbers(name) in wrong({}, **{variable: str(least - 1)})[0]
        assert not most or allowed_numbers(name) in wrong({}, **{variable: str(most + 1)})[0]
    for name, choices in CHOICES.items():
        for choice in choices:
            assert getattr(read_settings({}, {f"RERUNNER_{name.upper()}": choice}), name) == choice


def test_there_is_no_attribute_that_is_no_setting() -> None:
    with pytest.raises(AttributeError, match="limits"):
        _ = read_settings({}, {}).limits
