"""Breaks each promise in a copy of the tree, and finds out whether a test of `make quick` notices.

Run it by hand: ``python tests/mutants.py [WORD]``; with a word, only the mutants whose name has it. For each of them
only the tests that should notice are run; `make quick` has them all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = "src/test_executions_rerunner"
CLOCKS = "tests/integration/test_drain_clocks.py"
FAULTS = "tests/integration/test_drain_faults.py"
DOUBT = "tests/integration/test_jenkins_doubt.py"
LOOKS = "tests/integration/test_jenkins_look.py"
SELECTION = "tests/integration/test_drain_selection.py"
NEWER = "tests/integration/test_drain_newer.py"


class Mutant(NamedTuple):
    """One change that breaks a promise."""

    name: str
    file: str
    """Below the package."""
    old: str
    """Stands in the file once."""
    new: str
    tests: str
    """The file of tests that notices."""
    words: str = ""
    """As pytest's ``-k``: which of its tests."""


MUTANTS = (
    Mutant(
        "any new item of the queue counts as ours",
        "processors/jenkins_look.py",
        'if job.differences(candidate, look.post_arguments["json"], [before.definitions]) != ():',
        "if candidate not in items:",
        LOOKS,
        "meanwhile",
    ),
    Mutant(
        "any new build counts as ours",
        "processors/jenkins_look.py",
        'if job.differences(candidate, look.post_arguments["json"], [before.definitions]) != ():',
        "if candidate in items:",
        LOOKS,
        "meanwhile",
    ),
    Mutant(
        "parameters are compared with their case",
        "processors/jenkins_values.py",
        "text = as_text(value).lower()",
        "text = as_text(value)",
        LOOKS,
        "case_of_its_values",
    ),
    Mutant(
        "an item counts by the last name of its job",
        "processors/jenkins_reading.py",
        'if told := task.get("fullName"):',
        'if told := task["name"]:',
        DOUBT,
        "same_last_name",
    ),
    Mutant(
        "the build that a link names is its own rerun",
        "processors/jenkins_doubt.py",
        "if build.number == linked or likeness is Likeness.OTHER:",
        "if likeness is Likeness.OTHER:",
        DOUBT,
        "never_its_own_rerun",
    ),
    Mutant(
        "a superseded build is a rerun",
        "processors/jenkins_history.py",
        'if build.result != "NOT_BUILT" or build.ended is None:',
        'if build.result != "NEVER" or build.ended is None:',
        DOUBT,
        "superseded",
    ),
    Mutant(
        "a rerun aborts a running build",
        "processors/jenkins_aborts.py",
        "if running := next((build for build in job.builds if build.is_running), None):",
        "if running := next((build for build in job.builds if build.number < 0), None):",
        "tests/integration/test_jenkins_aborts.py",
        "would_abort",
    ),
    Mutant(
        "two reruns of one job abort each other",
        "processors/jenkins_aborts.py",
        "if not job.aborts:\n        return ()",
        "if job:\n        return ()",
        "tests/integration/test_jenkins_aborts.py",
        "never_end_each_other",
    ),
    Mutant(
        "a trigger joins an item with another password",
        "processors/jenkins.py",
        "if joined and not joins:",
        "if joined and joins is None:",
        "tests/integration/test_jenkins_repeated.py",
        "joins_anothers_item",
    ),
    Mutant(
        "a build that says no start started in 1970",
        "processors/jenkins_history.py",
        "if build.started <= 0 or not",
        "if not",
        DOUBT,
        "no_start",
    ),
    Mutant(
        "fifty builds are all",
        "processors/jenkins_history.py",
        "if self._is_all or not reads_on:",
        "if self._builds or not reads_on:",
        DOUBT,
        "read_in_ranges",
    ),
    Mutant(
        "values are compared with their blanks",
        "processors/jenkins_values.py",
        "else text.strip()",
        "else text",
        DOUBT,
        "kept or keeps_them or trimmed",
    ),
    Mutant(
        "a default that has moved makes a build another's",
        "processors/jenkins_doubt.py",
        "if not candidate.is_by(self.user) or self.others.has_another(candidate, self.sent):",
        "if self.user:",
        DOUBT,
        "another_default",
    ),
    Mutant(
        "a look is fresh for over an hour",
        "models.py",
        "fresh_seconds: float = 5.0",
        "fresh_seconds: float = 5000.0",
        CLOCKS,
        "old or six_seconds or delay_itself",
    ),
    Mutant(
        "a look at Jenkins is fresh for over an hour",
        "processors/jenkins_look.py",
        "_FRESH_LOOK_SECONDS = 10.0",
        "_FRESH_LOOK_SECONDS = 5000.0",
        CLOCKS,
        "old_look",
    ),
    Mutant(
        "a doubtful trigger gives its slot back",
        "drain/starter.py",
        "TAKEN = frozenset({State.TRIGGERED, State.UNKNOWN, State.PLANNED})",
        "TAKEN = frozenset({State.TRIGGERED, State.PLANNED})",
        "tests/integration/test_drain_interface.py",
        "limit",
    ),
    Mutant(
        "there is no margin between two moments",
        "calls/clocks.py",
        "MARGIN_SECONDS = 2.0",
        "MARGIN_SECONDS = 0.0",
        "tests/unit/test_clocks.py",
    ),
    Mutant(
        "Jenkins' redirect to a page is an acceptance",
        "processors/jenkins.py",
        "if response.status_code not in {requests.codes.created, requests.codes.see_other} or not found:",
        "if response.status_code == requests.codes.found:\n"
        '            return Served("accepted", location)\n'
        "        if response.status_code not in {requests.codes.created, requests.codes.see_other} or not found:",
        "tests/unit/test_jenkins_submit.py",
        "no_other_answer",
    ),
    Mutant(
        "GitHub's redirect to a page is an acceptance",
        "processors/github.py",
        "if response.status_code != requests.codes.created:",
        "if response.status_code not in {requests.codes.created, requests.codes.found}:",
        FAULTS,
        "redirect and github",
    ),
    Mutant(
        "a request joins an older trigger",
        "drain/submitter.py",
        "is_newer = asked_at.clock.doubt is not None or asked_at.own + MARGIN_SECONDS >= verdict.sent_at",
        "is_newer = False",
        NEWER,
        "later_window",
    ),
    Mutant(
        "a deleted request of an older Test Observer joins an older trigger",
        "drain/submitter.py",
        "is_newer = request.test_execution_id in self._removed_ids",
        "is_newer = False",
        NEWER,
        "later_window",
    ),
    Mutant(
        "a late DELETE is sent without a look",
        "test_observer.py",
        "is_at_once, is_first = is_first and since >= known_since, False",
        "is_at_once, is_first = is_first, False",
        NEWER,
        "late_delete",
    ),
    Mutant(
        "a repeated DELETE is sent without a look",
        "test_observer.py",
        "is_at_once, is_first = is_first and since >= known_since, False",
        "is_at_once, is_first = not is_first or since >= known_since, False",
        NEWER,
        "repeated_delete",
    ),
    Mutant(
        "a 103 is an answer",
        "calls/connections.py",
        "if self.status < http.HTTPStatus.OK:",
        "if self.status < http.HTTPStatus.CONTINUE:",
        "tests/unit/test_connections.py",
        "answer",
    ),
    Mutant(
        "a server that disagrees with itself about its time is believed",
        "calls/clocks.py",
        "MOST_DISAGREEMENT_SECONDS = 60.0",
        "MOST_DISAGREEMENT_SECONDS = 1e12",
        CLOCKS,
        "odd_date",
    ),
    Mutant(
        "clocks that are far apart are compared",
        "calls/clocks.py",
        "MOST_APART_SECONDS = 15 * 60.0",
        "MOST_APART_SECONDS = 1e12",
        CLOCKS,
        "far_apart",
    ),
    Mutant(
        "a young request is not waited for",
        "drain/submitter.py",
        "if seconds := self._seconds_too_young(group):",
        "if (seconds := self._seconds_too_young(group)) < 0.0:",
        CLOCKS,
        "request_of_this_second",
    ),
    Mutant(
        "what a trigger takes is always free",
        "drain/claims.py",
        "return [holder for holder in holders if holder.decided_at is None or holder.decided_at >= claim.since]",
        "return [holder for holder in holders if claim.most < 0]",
        "tests/unit/test_claims.py",
    ),
    Mutant(
        "a job that never had a runner was started",
        "processors/github_served.py",
        "(job.has_runner or job.was_skipped) and",
        "True and",
        "tests/unit/test_github_served.py",
        "ended_before_anything_ran or wait",
    ),
    Mutant(
        "what was carried over was rerun",
        "processors/github_served.py",
        "if job.origin > last and",
        "if job.attempt > last and",
        "tests/unit/test_github_served.py",
        "carried_over or own_rerun",
    ),
    Mutant(
        "one of several jobs of one name is all of them",
        "processors/github_served.py",
        "Counter({own.name: count})",
        "Counter({own.name: 1})",
        "tests/unit/test_github_served.py",
        "one_name",
    ),
    Mutant(
        "any new attempt is that of a doubtful trigger",
        "processors/github_trigger.py",
        "return bool(own) and len(own) == len(jobs.listed(attempt))",
        "return True",
        "tests/unit/test_github_widening.py",
        "ours or all_jobs_must_be_new",
    ),
    Mutant(
        "one 404 proves that a run is gone",
        "processors/github_runs.py",
        "    waiting.sleep(missed_at",
        "    float(missed_at",
        "tests/unit/test_github_moments.py",
        "still_missing or missing_for_a_moment",
    ),
    Mutant(
        "a run is never too old",
        "processors/github_bounds.py",
        "_MONTH_SECONDS = 30 * _DAY_SECONDS",
        "_MONTH_SECONDS = 30000 * _DAY_SECONDS",
        "tests/integration/test_drain_github.py",
        "month",
    ),
    Mutant(
        "a trigger is not repeated after a refused connection",
        "calls/policy.py",
        'Fault.NOT_SENT: _rule("again", State.FAILED, React.REPEAT, State.FAILED)',
        'Fault.NOT_SENT: _rule("again", State.FAILED, React.END, State.FAILED)',
        FAULTS,
        "refused_connection",
    ),
    Mutant(
        "what was decided is started all the same",
        "drain/selection.py",
        "if self.skip_decided and request.decision:",
        "if self.skip_decided and not request.decision:",
        SELECTION,
        "decided",
    ),
    Mutant(
        "the least priority itself is left alone",
        "drain/selection.py",
        "request.priority < self.min_priority",
        "request.priority <= self.min_priority",
        SELECTION,
        "priority",
    ),
)
PASSED, FAILED = 0, 1
"""What pytest ends with when it ran the tests; anything else is a mistake in the table above."""


def main(word: str = "") -> int:
    """Try the mutants whose name has a word; return the exit code."""
    chosen = [mutant for mutant in MUTANTS if word in mutant.name]
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in ("src", "tests", "pyproject.toml"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, tree / name)
        for mutant in chosen:
            is_killed = _is_killed(mutant, tree)
            _tell(f"{'killed  ' if is_killed else 'SURVIVED'} {mutant.name}")
            survivors += [] if is_killed else [mutant]
    _tell(f"{len(chosen) - len(survivors)} of {len(chosen)} killed")
    return 1 if survivors or not chosen else 0


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a program


def _is_killed(mutant: Mutant, tree: Path) -> bool:
    """Tell whether a test fails with the mutant that passes without it."""
    path = tree / PACKAGE / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file} has {text.count(mutant.old)} times, and should once: {mutant.old}")
    if _ended(mutant, tree) != PASSED:
        raise SystemExit(f"without the mutant too the tests fail: {mutant.tests} -k {mutant.words!r}")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return _ended(mutant, tree) == FAILED
    finally:
        path.write_text(text, encoding="utf-8")


def _ended(mutant: Mutant, tree: Path) -> int:
    words = ["-k", mutant.words] if mutant.words else []
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    ours = {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment = {**os.environ, **ours}  # noqa: TID251 - this is a program
    ended = subprocess.run(  # noqa: S603 - our own tests
        [*command, mutant.tests, *words], cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode not in {PASSED, FAILED}:
        raise SystemExit(f"pytest ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))  # noqa: TID251 - this is a program
