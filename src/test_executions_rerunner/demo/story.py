"""The demo's story: a queue, the real command run against it twice, and what happened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.demo.scene import FIRST, MATRIX, OLD, RESTARTED, RUNNING, SECOND, Scene
from test_executions_rerunner.demo.serving import shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from test_executions_rerunner.demo.wire import RecordedRequest

_DRAINS = (("jenkins",), ("github", "--rerun", "job"))
_JOBS = ("cert-rpi400-snap", "cert-xps13-deb", "cert-rpi5-snap", "cert-broken-device")
_RUNS = (MATRIX, FIRST, SECOND, RUNNING, OLD, RESTARTED)
_EXPECTED_POSTS = {
    "cert-rpi400-snap": 1,
    "cert-xps13-deb": 1,
    f"run {MATRIX}": 1,
    f"run {FIRST}": 1,
}


def tell() -> int:
    """Tell the story on standard output; the command's own words go where it writes them.

    Returns:
        The exit code: 0 if everything happened as it should.
    """
    with Scene() as scene:
        scene.github.on_request = lambda request: _first_before_second(scene, request)
        _say("Three loopback servers stand for Test Observer, Jenkins and GitHub. People asked for these reruns:")
        _say_queue(scene)
        wrong = []
        for flags in _DRAINS:
            report = _drain(scene, flags)
            wrong += _differences(scene, flags[0], report, exit_code=1)
        _say("\nWhat the servers started:")
        _say_reruns(scene)
        left = scene.observer.ids()
        _say(f"\nThe queue afterwards: {' '.join(map(str, left))} ({len(left)} of {len(scene.asked)} requests)")
        wrong += _wrong_posts(scene)
    for each in wrong:
        _say(f"WRONG: {each}")
    if not wrong:
        _say("Nothing asked for was lost, and nothing was started twice.")
    _say("\nTo try the command on such a queue yourself:")
    _say(f"  {shown_path(sys.executable)} -m test_executions_rerunner.demo --serve")
    return 1 if wrong else 0


def _first_before_second(scene: Scene, request: RecordedRequest) -> None:
    """Look at the second run of the group when the first is started: either could come first otherwise."""
    if f"/runs/{SECOND}" in request.path:
        with suppress(TimeoutError):
            scene.github.wait_for("POST", f"/runs/{FIRST}/")


def _drain(scene: Scene, flags: Sequence[str]) -> dict[str, Any]:
    """Run the command, which shows what it always shows, and return its report."""
    _say(f"\n$ test-executions-rerunner {' '.join(flags)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "test_executions_rerunner", *flags, "--report", str(path)]
        done = subprocess.run(command, env=_environment(scene), check=False)  # noqa: S603 - our own program
        if not path.exists():
            raise RuntimeError(f"{flags[0]}: exit {done.returncode} without a report")
        report: dict[str, Any] = json.loads(path.read_text())
    meaning = {0: "nothing failed", 1: "a request failed"}.get(done.returncode, "see above")
    _say(f"exit code {done.returncode}: {meaning}")
    return report


def _environment(scene: Scene) -> dict[str, str]:
    """Return the command's environment: none of the credentials and proxies of whoever runs the demo."""
    terminal = {name: value for name, value in os.environ.items() if name in ("TERM", "COLUMNS", "NO_COLOR")}  # noqa: TID251 - no settings
    # The very package that the demo is part of.
    return {**terminal, **scene.settings, "PYTHONPATH": str(Path(__file__).parents[2])}


def _differences(scene: Scene, processor: str, report: dict[str, Any], *, exit_code: int) -> list[str]:
    """Return what did not happen as it should, one sentence each."""
    happened = {each["test_execution_id"]: each["outcome"] for each in report["requests"]}
    expected = {
        number: asked.outcomes[processor] for number, asked in scene.asked.items() if processor in asked.outcomes
    }
    wrong = [
        f"request {number} should have been {expected.get(number)} for {processor}, not {happened.get(number)}"
        for number in sorted(expected.keys() | happened.keys())
        if expected.get(number) != happened.get(number)
    ]
    if report["exit_code"] != exit_code:
        wrong.append(f"{processor} should have ended with {exit_code}, not {report['exit_code']}: {report['error']}")
    kept = {number for number, outcome in happened.items() if outcome not in ("triggered", "already-rerun")}
    if set(scene.observer.ids()) != kept:
        wrong.append(f"the queue should hold {sorted(kept)} after {processor}, not {scene.observer.ids()}")
    return wrong


def _posts(scene: Scene) -> dict[str, int]:
    """Return how many triggers were sent to each target."""
    jobs = {job: scene.jenkins.count("POST", f"/{job}/") for job in _JOBS}
    return jobs | {f"run {run}": _posts_to_run(scene, run) for run in _RUNS}


def _posts_to_run(scene: Scene, run: int) -> int:
    jobs = [job.id for job in scene.github.run(run).jobs(every_attempt=True)]
    return sum(scene.github.count("POST", f"/{number}/rerun") for number in (run, *jobs))


def _wrong_posts(scene: Scene) -> list[str]:
    return [
        f"{target} should have been triggered {_EXPECTED_POSTS.get(target, 0)} times, not {count}"
        for target, count in _posts(scene).items()
        if count != _EXPECTED_POSTS.get(target, 0)
    ]


def _say_queue(scene: Scene) -> None:
    _say_table(
        ("id", "what is special", "ci_link"),
        ((str(number), asked.remark, _shortened(asked.link)) for number, asked in scene.asked.items()),
    )


def _say_reruns(scene: Scene) -> None:
    builds = [
        (job, ", ".join(f"{name}={value}" for name, value in item.parameters.items()))
        for job in _JOBS
        for item in scene.jenkins.queued(job)
    ]
    attempts = [
        (f"run {run}", f"attempt {scene.github.attempts(run)}: {', '.join(_jobs_started(scene, run))}")
        for run in _RUNS
        if scene.github.triggered(run)
    ]
    _say_table(("target", "with"), [*builds, *attempts])


def _jobs_started(scene: Scene, run: int) -> list[str]:
    latest = scene.github.run(run).latest
    return [job.name for job in latest.jobs if job.started_at >= latest.started_at]  # others are carried over


def _shortened(link: str | None) -> str:
    return "-" if link is None else link.removeprefix("https://").removeprefix("http://")


def _say_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        _say("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()  # the command writes between our lines
