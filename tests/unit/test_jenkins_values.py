"""Values of build parameters: what we send is known again in what Jenkins keeps and tells, whatever stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test_executions_rerunner.demo.jenkins.jobs import Job
from test_executions_rerunner.demo.jenkins.json import job_json
from test_executions_rerunner.processors.jenkins.reading import read_job, read_queue
from test_executions_rerunner.processors.jenkins.state import QueueItem
from test_executions_rerunner.processors.jenkins.values import UNTOLD, Definition, as_text, told_value

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFINITIONS: list[Mapping[str, object]] = [
    {"name": "S", "type": "StringParameterDefinition"},
    {"name": "T", "type": "StringParameterDefinition", "trim": True},
    {"name": "X", "type": "TextParameterDefinition"},
    {"name": "B", "type": "BooleanParameterDefinition"},
]
SENT = st.one_of(st.text(), st.booleans(), st.sampled_from(["true", "TRUE", " true", "yes", "1", "", "  x ", "a\r\nb"]))


@given(st.fixed_dictionaries({str(definition["name"]): SENT for definition in DEFINITIONS}))
def test_what_is_sent_is_known_again_in_what_is_kept(sent: dict[str, object]) -> None:
    told = Job("job", DEFINITIONS)
    job = read_job(job_json(told, "http://jenkins.example", 0.0, 0.0), "job")
    kept = told.values_from({name: [as_text(value)] for name, value in sent.items()})
    assert job.differences(QueueItem(1, kept, (), 1, "job", 0.0), sent) == ()


@given(SENT, st.booleans())
def test_a_boolean_is_true_only_if_it_says_so(sent: str | bool, kept: bool) -> None:  # noqa: FBT001 - of hypothesis
    is_true = as_text(sent).lower() == "true"
    assert Definition("BooleanParameterDefinition").keeps_alike(sent, kept) is (is_true == kept)


@pytest.mark.parametrize(
    ("told", "value"),
    [
        pytest.param({"value": "x", "label": "y"}, "x", id="value"),
        pytest.param({"value": False}, False, id="false"),
        pytest.param({"jobName": "f/img", "number": "7"}, "f/img#7", id="run"),
        pytest.param({"tag": "tags/1"}, "tags/1", id="subversion tag"),
        pytest.param({"label": ""}, "", id="empty label"),
        pytest.param({"jobName": "img"}, UNTOLD, id="half a run"),
        pytest.param({}, UNTOLD, id="nothing"),
    ],
)
def test_a_value_is_told_under_the_keys_of_its_kind(told: dict[str, Any], value: object) -> None:
    assert told_value(told) == value


@pytest.mark.parametrize(
    ("task", "job"),
    [
        pytest.param({"name": "job", "fullName": "F/Job"}, "f/job", id="full name"),
        pytest.param({"name": "job"}, "ci/a b/feature%2fx", id="its address alone"),
        pytest.param({"name": "job", "url": "http://x/queue"}, "", id="an address of no job"),
    ],
)
def test_an_item_is_of_the_job_with_its_folders_and_never_of_its_last_name(task: dict[str, str], job: str) -> None:
    task = {"url": "http://x/jenkins/job/ci/job/a%20b/job/feature%252Fx/", **task}
    (item,) = read_queue({"items": [{"id": 1, "inQueueSince": 1, "task": task}]}, 0.0).items
    assert item.job == job
