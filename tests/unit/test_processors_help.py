"""What Python's own help says of the processors."""

from __future__ import annotations

import pydoc

import pytest

from test_executions_rerunner import GithubProcessor, JenkinsProcessor, RequestProcessingError
from test_executions_rerunner.processors.base import RequestProcessor

PROCESSORS = [JenkinsProcessor, GithubProcessor]


@pytest.mark.parametrize("processor", [*PROCESSORS, RequestProcessor])
def test_help_shows_a_processor_and_how_to_process(processor: type[RequestProcessor]) -> None:
    text = pydoc.plain(pydoc.render_doc(processor))
    assert processor.__name__ in text
    assert "process(" in text
    assert "Return the POST that starts again what a request asks for" in text


@pytest.mark.parametrize("processor", PROCESSORS)
def test_a_processor_still_works_on_its_class(processor: type[RequestProcessor]) -> None:
    with pytest.raises(RequestProcessingError, match="ci_link"):
        processor.process({"ci_link": "x", "family": "snap"})
