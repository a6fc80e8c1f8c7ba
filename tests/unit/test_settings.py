"""Every setting by each of its spellings, what beats what, and what is refused."""

from __future__ import annotations

import pytest

from test_executions_rerunner.cli.settings.reading import read_settings
from test_executions_rerunner.cli.settings.rows import SETTINGS, Setting
from test_executions_rerunner.defaults import BOUNDS, CHOICES, allowed_numbers
from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.processors import Given, setup_of

BY_NAME = {row.name: row for row in SETTINGS}
GOOD: dict[str, tuple[str, object]] = {
    "processor": ("github", "github"),
    "test_observer_url": ("HTTPS://Observer.example:443/api/", "https://observer.example/api"),
    "test_observer_api_key": (" to_key ", "to_key"),
    "jenkins_url": ("http://jenkins.example/ci/", "http://jenkins.example/ci"),
    "jenkins_public_url": ("HTTPS://ci.example:443/jenkins/", "https://ci.example/jenkins"),
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
    "skip_decided": ("true", True),
    "min_priority": ("-3", -3),
    "acknowledge": ("started", "started"),
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
OTHER: dict[str, str] = {
    "processor": "jenkins",
    "rerun": "run",
    "family": "snap",
    "parameters_from": "family",
    "acknowledge": "accepted",
}
"""Another allowed text, where the one for any number or boolean will not do."""
MEANT_TOGETHER = {"GITHUB_SERVER_URL": "https://ghes.example"}


def other(row: Setting) -> str:
    """Return a text that is allowed too, and means something else."""
    text, value = GOOD[row.name]
    if isinstance(value, bool):
        return "false"
    return OTHER.get(row.name) or ("2" if isinstance(value, int) else text.replace("b", "c") + "x")


WITH_FLAG = [row for row in SETTINGS if row.flag]
WITH_INPUT = [row for row in SETTINGS if row.is_input]
OF_ONE_PROCESSOR = [row for row in SETTINGS if row.of]


def value_of(row: Setting, flags: dict[str, object], environment: dict[str, str]) -> object:
    together = MEANT_TOGETHER if row.name == "github_api_url" else {}
    flags = {"processor": row.of, **flags} if row.of else flags
    return getattr(read_settings(flags, {**together, **environment}), row.name)


def input_of(row: Setting) -> str:
    return f"INPUT_{row.name.upper()}"


def other_processor(row: Setting) -> str:
    return {"github": "jenkins", "jenkins": "github"}[str(row.of)]


def wrong(flags: dict[str, object], **environment: str) -> list[str]:
    """Return what is said of wrong settings, line by line."""
    with pytest.raises(SettingsError) as refused:
        read_settings(flags, environment)
    return str(refused.value).splitlines()


def as_flag(row: Setting, text: str) -> object:
    if row.is_several:
        return [text]
    return text if row.metavar else True


def test_the_table_of_this_test_has_every_setting() -> None:
    assert set(GOOD) == set(BY_NAME)


def test_a_flag_sets_it() -> None:
    for row in WITH_FLAG:
        text, value = GOOD[row.name]
        assert value_of(row, {row.name: as_flag(row, text)}, {}) == value, row.flag


def test_each_of_its_variables_sets_it() -> None:
    for row in SETTINGS:
        text, value = GOOD[row.name]
        for name in row.environment:
            assert value_of(row, {}, {name: text}) == value, name


def test_an_input_sets_it() -> None:
    for row in WITH_INPUT:
        text, value = GOOD[row.name]
        assert value_of(row, {}, {input_of(row): text}) == value, row.name


def test_what_is_no_input_is_not_set_by_one() -> None:
    for row in set(SETTINGS) - set(WITH_INPUT):
        assert value_of(row, {}, {input_of(row): GOOD[row.name][0]}) == row.default, row.name


def test_an_input_beats_the_environment() -> None:
    for row in WITH_INPUT:
        text, value = GOOD[row.name]
        environment = dict.fromkeys(row.environment, other(row))
        assert value_of(row, {}, {**environment, input_of(row): text}) == value, row.name


def test_a_flag_beats_input_and_environment() -> None:
    for row in WITH_FLAG:
        text, value = GOOD[row.name]
        environment = dict.fromkeys((*row.environment, input_of(row)), other(row))
        assert value_of(row, {row.name: as_flag(row, text)}, environment) == value, row.flag


@pytest.mark.parametrize("empty", [pytest.param("", id="empty"), pytest.param(" \n ", id="blank")])
def test_an_empty_text_sets_nothing(empty: str) -> None:
    for row in SETTINGS:
        environment = dict.fromkeys((*row.environment, input_of(row)), empty)
        assert value_of(row, {}, environment) == row.default, row.name


def test_an_empty_input_leaves_the_environment_its_say() -> None:
    for row in WITH_INPUT:
        text, value = GOOD[row.name]
        for name in row.environment:
            assert value_of(row, {}, {input_of(row): "", name: text}) == value, name


def test_what_nobody_set_is_the_default() -> None:
    settings = read_settings({}, {})
    for row in SETTINGS:
        assert getattr(settings, row.name) == row.default, row.name


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


SWITCHES = ["dry_run", "check", "discard_refused", "skip_archived", "skip_decided", "announce"]


def test_a_boolean_is_switched_on_by_each_of_its_words() -> None:
    for name in SWITCHES:
        for text in ("true", "TRUE", "True", "yes", "YES", "1", " true\n"):
            assert getattr(read_settings({}, {f"INPUT_{name.upper()}": text}), name) is True, (name, text)


def test_a_boolean_is_switched_off_by_each_of_its_words() -> None:
    for name in SWITCHES:
        for text in ("false", "False", "no", "NO", "0"):
            environment = {f"INPUT_{name.upper()}": text, f"RERUNNER_{name.upper()}": "true"}
            assert getattr(read_settings({}, environment), name) is False, (name, text)


WRONG = [
    ("INPUT_PROCESSOR", "travis", "one of jenkins, github"),
    ("TEST_OBSERVER_URL", "observer.example", "http(s)://HOST"),
    ("TEST_OBSERVER_URL", "ftp://observer.example", "http(s)://HOST"),
    ("TEST_OBSERVER_URL", "https://", "http(s)://HOST"),
    ("JENKINS_URL", "http://jenkins.example/?x=1", "http(s)://HOST"),
    ("JENKINS_URL", "http://jenkins.example/#x", "http(s)://HOST"),
    ("JENKINS_URL", "http://jenkins.example:0", "port"),
    ("JENKINS_URL", "http://jenkins.example:65536", "port"),
    ("JENKINS_URL", "http://jenkins example", "http(s)://HOST"),
    ("JENKINS_URL", "http://j.example/a\nb", "http(s)://HOST"),
    ("GITHUB_SERVER_URL", "github.com", "http(s)://HOST"),
    ("JENKINS_USERNAME", "a:b", "without a colon"),
    ("RERUNNER_REPO", "/lab", "OWNER/NAME"),
    ("RERUNNER_REPO", "a/b/c", "OWNER/NAME"),
    ("RERUNNER_REPO", "a/b,c/d", "OWNER/NAME"),
    ("RERUNNER_REPO", "https://github.com/a/b", "OWNER/NAME"),
    ("RERUNNER_FAMILY", "rpm", "snap, deb, charm, image, solution"),
    ("RERUNNER_FAMILY", "Snap", "snap, deb, charm, image, solution"),
    ("RERUNNER_ENVIRONMENT", "a\x1b[31m", "one line of printable"),
    ("RERUNNER_LIMIT", "0", "1 or more"),
    ("RERUNNER_LIMIT", "-1", "1 or more"),
    ("RERUNNER_LIMIT", "1.5", "1 or more"),
    ("RERUNNER_LIMIT", "\u0663", "1 or more"),
    ("RERUNNER_LIMIT", "1_000", "1 or more"),
    ("RERUNNER_LIMIT", "9" * 5000, "1 or more"),
    ("RERUNNER_RERUN", "jobs", "one of run, failed-jobs, job is"),
    ("RERUNNER_PARAMETERS_FROM", "job", "one of family, build is"),
    ("RERUNNER_MAX_PER_DAY", "0", "1 or more"),
    ("RERUNNER_MAX_QUEUED", "0", "1 or more"),
    ("RERUNNER_MIN_PRIORITY", "-1000001", "from -1000000 to 1000000"),
    ("RERUNNER_MIN_PRIORITY", "1000001", "from -1000000 to 1000000"),
    ("RERUNNER_MIN_PRIORITY", "--5", "from -1000000 to 1000000"),
    ("RERUNNER_MIN_PRIORITY", "-", "from -1000000 to 1000000"),
    ("RERUNNER_MIN_PRIORITY", "\u22125", "from -1000000 to 1000000"),
    ("RERUNNER_MIN_PRIORITY", "urgent", "from -1000000 to 1000000"),
    ("RERUNNER_TIME_LIMIT", "0", "1 or more"),
    ("RERUNNER_TIME_LIMIT", "1h", "1 or more"),
    ("RERUNNER_LIMIT", "\u00b2", "1 or more"),
    ("RERUNNER_MAX_ATTEMPTS", "0", "from 1 to 51"),
    ("RERUNNER_MAX_ATTEMPTS", "52", "from 1 to 51"),
    ("RERUNNER_CONCURRENCY", "0", "from 1 to 64"),
    ("RERUNNER_CONCURRENCY", "65", "from 1 to 64"),
    ("RERUNNER_BUILD_PARAMETERS", "A", "[FAMILY:]NAME=VALUE"),
    ("RERUNNER_BUILD_PARAMETERS", "=1", "[FAMILY:]NAME=VALUE"),
    ("RERUNNER_BUILD_PARAMETERS", "rpm:A=1", "[FAMILY:]NAME=VALUE"),
    ("RERUNNER_BUILD_PARAMETERS", ":A=1", "[FAMILY:]NAME=VALUE"),
    ("RERUNNER_BUILD_PARAMETERS", "json={}", "not 'json'"),
    ("RERUNNER_BUILD_PARAMETERS", "delay=0sec", "not 'delay'"),
    ("RERUNNER_BUILD_PARAMETERS", "charm:delay=0sec", "not 'delay'"),
    ("RERUNNER_DRY_RUN", "on", "true/false, yes/no or 1/0"),
    ("INPUT_CHECK", "maybe", "true/false, yes/no or 1/0"),
]


def test_a_wrong_value_is_refused_with_its_name_the_value_and_what_is_allowed() -> None:
    for name, text, allowed in WRONG:
        (line,) = wrong({}, **{name: text})
        assert line.startswith(f"{name}: "), line
        assert repr(text) in line, line
        assert allowed in line, line


def test_a_wrong_flag_is_named_as_the_flag() -> None:
    with pytest.raises(SettingsError, match=r"^--limit: '0' is not allowed: a whole number of 1 or more is$"):
        read_settings({"limit": "0"}, {"RERUNNER_LIMIT": "5"})


def test_an_empty_flag_is_not_set() -> None:
    assert read_settings({"limit": "", "repo": []}, {"RERUNNER_LIMIT": "5"}).limit == 5


SECRETS = ["TEST_OBSERVER_API_KEY", "JENKINS_API_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("sesame open", id="blank"),
        pytest.param("sesame\nopen", id="two lines"),
        pytest.param("sesam\u00e9", id="not ASCII"),
        pytest.param("sesame\x00", id="control character"),
    ],
)
def test_a_wrong_secret_is_refused_and_not_shown(text: str) -> None:
    for name in SECRETS:
        (line,) = wrong({}, **{name: text})
        assert line.startswith(f"{name}: its value (not shown) is not allowed: printable ASCII"), line
        assert "sesam" not in line


@pytest.mark.parametrize("text", ["https://robot:sesame@host.example/x", "https://sesame@host.example", "sesame@host"])
def test_a_credential_in_a_url_is_refused_and_not_shown(text: str) -> None:
    for name in ("TEST_OBSERVER_URL", "JENKINS_URL", "GITHUB_SERVER_URL", "INPUT_JENKINS_URL"):
        (line,) = wrong({}, **{name: text})
        assert line.startswith(f"{name}: "), line
        assert "without credentials" in line, line
        assert "sesame" not in line


def test_no_secret_is_in_the_text_of_the_settings() -> None:
    names = {name: f"sesame-{name}" for row in SETTINGS if row.is_secret for name in row.environment}
    settings = read_settings({}, names)
    assert settings.github_token == "sesame-GH_TOKEN"
    assert "sesame" not in repr(settings)
    assert "sesame" not in repr(vars(settings))


def test_no_secret_has_a_flag() -> None:
    assert [row.name for row in SETTINGS if row.is_secret and row.flag] == []


def test_the_api_of_an_unnamed_github_server_is_refused() -> None:
    variables = {"GITHUB_API_URL": "https://ghes.example/api/v3", "GH_TOKEN": "gh-token"}
    alone = read_settings({"processor": "github"}, variables)
    (problem,) = setup_of("github").problems(Given(alone.values, alone.spelled))
    assert problem.startswith("GITHUB_API_URL: 'https://ghes.example/api/v3' is not allowed alone")
    both = read_settings({"processor": "github"}, {**variables, "GITHUB_SERVER_URL": "https://ghes.example"})
    assert [*setup_of("github").problems(Given(both.values, both.spelled))] == []


TOO_SHORT = "its value (not shown) is not allowed: 4 characters or more are, since a shorter one cannot be hidden"


def test_a_secret_too_short_to_be_hidden_is_refused_and_not_shown() -> None:
    for name in SECRETS:
        assert wrong({}, **{name: "qzx"}) == [f"{name}: {TOO_SHORT}"]


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


def test_a_flag_of_the_other_processor_is_refused() -> None:
    for row in OF_ONE_PROCESSOR:
        if row.flag:
            processor = other_processor(row)
            flags = {"processor": processor, row.name: as_flag(row, GOOD[row.name][0])}
            assert wrong(flags) == [f"{row.flag} is not allowed with {processor}: it is a setting of {row.of}"]


def test_a_variable_or_an_input_of_the_other_processor_may_be_that_of_a_whole_job() -> None:
    for row in OF_ONE_PROCESSOR:
        text, value = GOOD[row.name]
        for name in (*row.environment, input_of(row)):
            settings = read_settings({"processor": other_processor(row)}, {name: text})
            assert getattr(settings, row.name) == value, name


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


def test_a_number_that_is_zero_is_set_and_told() -> None:
    settings = read_settings({"min_priority": "0"}, {"RERUNNER_MIN_PRIORITY": "5"})
    assert settings.min_priority == 0
    assert "min_priority 0" in settings.shown


def test_there_is_no_attribute_that_is_no_setting() -> None:
    with pytest.raises(AttributeError, match="limits"):
        _ = read_settings({}, {}).limits


@pytest.mark.parametrize("blank", ["", " ", "\t"])
@pytest.mark.parametrize("name", [row.name for row in SETTINGS if row.metavar])
def test_a_flag_with_nothing_in_it_is_not_set_and_hides_no_variable(name: str, blank: str) -> None:
    (row,) = (row for row in SETTINGS if row.name == name)
    text = VALUES_OF_FLAGS[name]
    environment = {row.environment[0]: text}
    given = [blank] if row.is_several else blank
    set_by_variable = read_settings({}, environment).values[name]
    assert set_by_variable != row.default
    assert read_settings({name: given}, environment).values[name] == set_by_variable
    assert read_settings({name: given}, {}).values[name] == row.default


VALUES_OF_FLAGS = {
    "test_observer_url": "https://observer.example",
    "jenkins_public_url": "https://ci.example",
    "jenkins_url": "https://jenkins.example",
    "repo": "some/thing",
    "family": "deb",
    "environment": "lab",
    "environment_architecture": "arm64",
    "build_architecture": "arm64",
    "limit": "7",
    "rerun": "job",
    "max_attempts": "7",
    "parameters_from": "build",
    "max_per_day": "7",
    "max_queued": "7",
    "min_priority": "7",
    "time_limit": "7",
    "acknowledge": "started",
    "build_parameters": "A=b",
    "requests": "queue.json",
    "concurrency": "7",
    "report": "report.json",
}


def test_a_flag_with_nothing_in_it_is_no_setting_of_another_processor() -> None:
    assert read_settings({"processor": "jenkins", "repo": [""]}, {}).processor == "jenkins"
