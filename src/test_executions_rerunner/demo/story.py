"""The demo's story: a queue, the real command line run against it twice, and what happened."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from test_executions_rerunner.demo.scene import OLD, OPEN, RESTARTED, RUNNING, Scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_JOBS = ("cert-rpi400-snap", "cert-xps13-deb", "cert-rpi5-snap", "cert-broken-device")
_RUNS = (OPEN, RUNNING, OLD, RESTARTED)
_EXPECTED_POSTS = {"cert-rpi400-snap": 1, "cert-xps13-deb": 1, f"run {OPEN}": 1}
_REASON_WIDTH = 62


def tell() -> int:
    """Tell the story on standard output.

    Returns:
        The exit code: 0 if everything happened as it should.
    """
    with Scene() as scene:
        _say("Three loopback servers stand for Test Observer, Jenkins and GitHub. People asked for these reruns:")
        _say_queue(scene)
        wrong = []
        for processor, code in (("jenkins", 1), ("github", 1)):
            report = _drain(scene, processor)
            _say_outcomes(scene, processor, report)
            wrong += _differences(scene, processor, report, code)
        _say("\nWhat the servers were asked to start:")
        _say_reruns(scene)
        _say(f"\nThe queue afterwards: {len(scene.observer.ids())} of {len(scene.asked)} requests")
        _say_queue(scene)
        wrong += _wrong_posts(scene)
    for each in wrong:
        _say(f"WRONG: {each}")
    if not wrong:
        _say("\nNothing asked for was lost, and nothing was started twice.")
    return 1 if wrong else 0


def _drain(scene: Scene, processor: str) -> dict[str, Any]:
    """Run the command line and return its report."""
    settings = {
        "TEST_OBSERVER_URL": scene.observer.url,
        "TEST_OBSERVER_API_KEY": next(iter(scene.observer.api_keys)),
        "JENKINS_URL": scene.jenkins.url,
        "JENKINS_API_TOKEN": scene.jenkins.token,
        "GH_TOKEN": scene.github.token,
        "GITHUB_SERVER_URL": scene.github.server_url,
        "GITHUB_API_URL": scene.github.url,
        "PYTHONPATH": str(Path(__file__).parents[2]),  # the very package that the demo is part of
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "test_executions_rerunner", processor, "--report", str(path)]
        # Only these settings: a demo must not meet the credentials and proxies of whoever runs it.
        done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        if not path.exists():
            raise RuntimeError(f"{processor}: exit {done.returncode} without a report: {done.stderr}")
        report: dict[str, Any] = json.loads(path.read_text())
        return report


def _differences(scene: Scene, processor: str, report: dict[str, Any], exit_code: int) -> list[str]:
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
    return jobs | {f"run {run}": scene.github.count("POST", f"/{run}/") for run in _RUNS}


def _wrong_posts(scene: Scene) -> list[str]:
    return [
        f"{target} should have been triggered {_EXPECTED_POSTS.get(target, 0)} times, not {count}"
        for target, count in _posts(scene).items()
        if count != _EXPECTED_POSTS.get(target, 0)
    ]


def _say_queue(scene: Scene) -> None:
    _say_table(
        ("id", "family", "what is special", "ci_link"),
        (
            (str(number), asked.family, asked.remark, _shortened(asked.link))
            for number, asked in scene.asked.items()
            if number in scene.observer.ids()
        ),
    )


def _say_outcomes(scene: Scene, processor: str, report: dict[str, Any]) -> None:
    meaning = {0: "nothing failed", 1: "a request failed"}.get(report["exit_code"], "see below")
    _say(f"\n$ test-executions-rerunner {processor}        (exit code {report['exit_code']}: {meaning})")
    rows: dict[tuple[str, str, str], list[str]] = {}
    for each in report["requests"]:
        unsupported = each["outcome"] == "unsupported"
        reason = "left for whoever can serve it" if unsupported else _short(each["reason"])
        rows.setdefault((each["outcome"], each["target"] or "", reason), []).append(str(each["test_execution_id"]))
    _say_table(
        ("requests", "outcome", "target", "reason"),
        ((" ".join(ids), outcome, target, reason) for (outcome, target, reason), ids in rows.items()),
    )
    stay = len(scene.observer.ids())
    _say(f"  {stay} requests stay in the queue.")


def _say_reruns(scene: Scene) -> None:
    rows = []
    for job in _JOBS:
        count = scene.jenkins.count("POST", f"/{job}/")
        items = scene.jenkins.queued(job)
        values = ", ".join(f"{name}={value}" for item in items for name, value in item.parameters.items())
        rows.append((job, str(count), f"queued with {values}" if items else "-"))
    for run in _RUNS:
        count = scene.github.count("POST", f"/{run}/")
        rows.append(
            (f"run {run}", str(count), f"attempt {scene.github.attempts(run)}" if scene.github.triggered(run) else "-")
        )
    _say_table(("target", "POSTs", "what they started"), rows)


def _shortened(link: str | None) -> str:
    return "-" if link is None else link.removeprefix("https://").removeprefix("http://")


def _short(text: str) -> str:
    return text if len(text) <= _REASON_WIDTH else f"{text[: _REASON_WIDTH - 3]}..."


def _say_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        _say("  " + "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
