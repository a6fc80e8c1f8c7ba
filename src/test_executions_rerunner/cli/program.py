"""One call of the program: settings become objects, a drain or a check, a report, and an exit code."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from test_executions_rerunner.cli import ending
from test_executions_rerunner.cli.settings.spelling import Spelling
from test_executions_rerunner.cli.settings.values import Settings
from test_executions_rerunner.cli.signals import LAST_SECONDS
from test_executions_rerunner.cli.streams import Output
from test_executions_rerunner.cli.telling import github_actions
from test_executions_rerunner.cli.telling.logs import end_progress, progress, set_up, tear_down
from test_executions_rerunner.cli.telling.progress import Teller
from test_executions_rerunner.cli.telling.report import WRONG_SETTINGS, Report
from test_executions_rerunner.cli.telling.report_file import check_report_file, is_standard_output
from test_executions_rerunner.drain.checks import run_checks
from test_executions_rerunner.drain.selection import Selection
from test_executions_rerunner.errors import QueueError, SettingsError
from test_executions_rerunner.models import State
from test_executions_rerunner.processors import Given, setup_of
from test_executions_rerunner.queues.file import RequestFile
from test_executions_rerunner.queues.test_observer import TestObserverInterface
from test_executions_rerunner.rerunner import Rerunner
from test_executions_rerunner.text import Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from test_executions_rerunner.cli.signals import Signals, Worker
    from test_executions_rerunner.drain.checks import TargetChecks
    from test_executions_rerunner.models import Check, Outcome
    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.queues.base import RequestQueue

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 60.0
"""How long the end waits for a reader who takes nothing; all else is done by then."""
_LAST_PATIENCE_SECONDS = 1.0
"""The same after a signal."""
_HINT = """\
Needed in the environment: for jenkins JENKINS_API_TOKEN (and JENKINS_USERNAME, admin by default), for github GH_TOKEN;
for a Test Observer that asks for a key, as the public one does, TEST_OBSERVER_API_KEY.
--help shows everything; with the credentials set, --check tries them and changes nothing, --dry-run shows the plan."""


class Program:
    """One call: a drain or a check, and its report.

    Args:
        settings: What to do.
        environment: The environment variables, for what is no setting: those of a GitHub runner, and of a terminal.
        signals: What may end it early.
        problems: What is wrong with the settings, one line each: nothing is done then but to tell it.
    """

    def __init__(
        self, settings: Settings, environment: Mapping[str, str], signals: Signals, problems: Sequence[str] = ()
    ) -> None:
        self._settings, self._environment, self._signals = settings, environment, signals
        self._problems = [*problems]
        self._runner = environment if environment.get("GITHUB_ACTIONS") == "true" else {}
        self._mask = Mask(settings.secrets)
        self._output = Output()
        self._out = sys.stderr if is_standard_output(settings.report) else sys.stdout
        self._level = logging.INFO
        self._respelled = Spelling(settings.spelled, environment)
        self.report = Report(
            settings.processor,
            dry_run=settings.dry_run,
            discards=settings.discard_refused,
            mask=self._mask,
            respelled=self._respelled,
        )

    def run(self, *, verbose: bool, quiet: bool) -> int:
        """Do what the settings ask for, and tell what came of it.

        Returns:
            The exit code.
        """
        self._level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO
        if self._runner:
            self._output.lines(self._out, github_actions.masks(self._settings.secrets))
        place = self._place
        self._handler = set_up(self._output, place.environment, self._mask, self._respelled, level=self._level)
        try:
            self._run_and_catch()
            is_told = self._tell()
        finally:
            tear_down(self._handler)
        return self.report.exit_code if is_told else self._signals.exit_code

    @property
    def _place(self) -> ending.Place:
        return ending.Place(self._output, self._out, self._environment, self._runner, self._level)

    def _run_and_catch(self) -> None:
        """Do the work; every end of it becomes an exit code and, where one is due, an error."""
        try:
            self._check_settings()
            _log.debug("%s", self._settings.shown)
            processor, check_targets = self._processor()
            observer = self._observer(processor)
            queue = self._queue(observer)
            if self._settings.check:
                more = {"announce": self._settings.announce, "selection": Selection(**self._settings.selection)}
                self._check(run_checks(processor, check_targets, queue, **more))
            else:
                self._drain_in_group(processor, queue)
        except SettingsError as error:
            self._refuse(str(error).splitlines())
        except KeyboardInterrupt:
            self.report.error = f"interrupted by {self._signals.name} before anything was started"
            _log.error("%s", self.report.error)
        except Exception as error:  # noqa: BLE001 - a bug has an exit code of its own
            _log.exception("a bug, please report it")
            self.report.exit_code, self.report.error = 70, f"a bug: {type(error).__name__}: {error}"
        if self._signals.received is not None:
            self.report.exit_code = self._signals.exit_code

    def _refuse(self, problems: Sequence[str]) -> None:
        """Tell all that is wrong with the settings."""
        self.report.exit_code, self.report.error = WRONG_SETTINGS, "; ".join(problems)
        for problem in problems:
            _log.error("%s", problem)

    def _check_settings(self) -> None:
        """Refuse what can be known to be wrong before anything is called.

        Raises:
            SettingsError: One line for each problem.
        """
        settings, problems = self._settings, self._problems
        told = " ".join(problems)  # a token that is wrong is told already
        problems += setup_of(settings.processor).problems(self._given(told))
        if not (settings.jenkins_api_token or settings.github_token or self._runner or told):
            self._output.lines(sys.stderr, _HINT.splitlines())
        if problem := self._problem_of_report_file():
            problems.append(problem)
        if problems:
            raise SettingsError("\n".join(problems))

    def _problem_of_report_file(self) -> str | None:
        """Return why the report cannot be written, and forget about it then; None: it can."""
        path = self._settings.report
        if path:
            try:
                check_report_file(path)
            except OSError as error:
                self._settings = Settings({**self._settings.values, "report": None}, self._settings.spelled)
                return f"--report: {path!r} is not allowed: a file that can be written is ({error.strerror or error})"
        return None

    def _processor(self) -> tuple[RequestProcessor, TargetChecks]:
        """Make the chosen processor, and pair it with its checks; only its client is imported."""
        return setup_of(self._settings.processor).make(self._given())

    def _given(self, wrong: str = "") -> Given:
        settings = self._settings
        return Given(settings.values, settings.spelled, wrong, self._environment.get("GITHUB_RUN_ID") or None)

    def _observer(self, processor: RequestProcessor) -> TestObserverInterface:
        settings = self._settings
        names = ("test_observer_url", "test_observer_api_key", "family", "environment")
        more = {name: getattr(settings, name) for name in (*names, "environment_architecture", "build_architecture")}
        more.update(connections=settings.concurrency, waiting=processor.waiting)
        return TestObserverInterface(**more)

    def _queue(self, observer: TestObserverInterface) -> RequestQueue:
        if not self._settings.requests:
            return observer
        with self._signals.ending_reads():  # of a standard input that nobody closes
            return RequestFile(self._settings.requests, observer)

    def _drain_in_group(self, processor: RequestProcessor, queue: RequestQueue) -> None:
        """Drain; a runner folds what is told in the meantime."""
        if self._runner:
            self._output.lines(sys.stderr, [github_actions.group("What was done, as it happened")])
        try:
            self._drain(processor, queue)
        finally:
            end_progress(self._handler)
            if self._runner:
                self._output.lines(sys.stderr, [github_actions.end_group()])

    def _drain(self, processor: RequestProcessor, queue: RequestQueue) -> None:
        settings = self._settings
        self.report.now, self.report.links_setting = queue.clock.now, self._respelled(processor.links_setting)
        self.report.is_of_queue = queue.has_ids
        teller = Teller(
            lambda: rerunner.stopped, self.report.which, is_told_later=settings.dry_run or self._level == logging.ERROR
        )

        def tell(outcomes: list[Outcome]) -> None:
            teller.ended(outcomes)
            if advance:
                advance(len(outcomes))

        rerunner = Rerunner(
            processor,
            test_observer=queue,
            limit=settings.limit,
            discard_refused=settings.discard_refused,
            **settings.selection,
            **{name: getattr(settings, name) for name in ("acknowledge", "announce")},
            time_limit=settings.time_limit,
            dry_run=settings.dry_run,
            concurrency=settings.concurrency,
            on_ended=tell,
        )
        advance = progress(self._handler, lambda: rerunner.known)
        if self._signals.received is not None:
            raise KeyboardInterrupt
        self._note_end(rerunner, self._signals.wait(rerunner.run))

    def _note_end(self, rerunner: Rerunner, worker: Worker) -> None:
        """Put into the report how a drain ended; one that is still going ends now."""
        report, name = self.report, self._signals.name
        is_bug = worker.error is not None and not isinstance(worker.error, QueueError)
        if name or is_bug:
            reason = f"interrupted by {name}" if name else "the drain ended by a bug"
            rerunner.end(reason, gone_seconds=self._signals.gone_seconds)
        report.outcomes, report.interrupted_by = rerunner.outcomes, name
        for outcome in report.outcomes:
            outcome.reason = self._respelled(outcome.reason)
        report.remaining = rerunner.remaining
        if stopped := rerunner.stopped:
            is_failure = bool(name) or stopped.state is State.FAILED or any(o.delete_error for o in report.outcomes)
            report.error, report.stopped = (stopped.reason, None) if is_failure else (None, stopped.reason)
            if is_failure and self._level > logging.WARNING:  # it was told as a warning when it happened
                _log.error("%s", report.error)
        if isinstance(worker.error, QueueError):
            report.exit_code, report.error = 3, str(worker.error)
            _log.error("%s", report.error)
        elif worker.error and not name:
            raise worker.error
        elif report.has_failures and not self._settings.dry_run:
            report.exit_code = 1

    def _check(self, checks: Iterable[Check]) -> None:
        def work() -> None:
            for check in checks:
                ending.note_check(check, self.report, self._place)

        worker = self._signals.wait(work)
        if worker.error and not self._signals.name:
            raise worker.error
        ending.show_verdict(self.report, self._place, self._signals.name)

    def _tell(self) -> bool:
        """Show the outcomes, and write them where they are wanted, whoever reads what is shown.

        Returns:
            False: a signal came while nobody read it, or no file could be finished.
        """
        ending.show(self.report, self._place)
        is_written = self._signals.finish(lambda: ending.write(self.report, self._place, self._settings.report))
        is_read = self._output.finish(self._patience_seconds)
        return (is_written and is_read) or self._signals.received is None

    def _patience_seconds(self) -> float:
        """Return how long to wait for somebody who reads nothing of what is shown."""
        if self._signals.received is None:
            return _PATIENCE_SECONDS
        return min(_LAST_PATIENCE_SECONDS, LAST_SECONDS - self._signals.gone_seconds)
