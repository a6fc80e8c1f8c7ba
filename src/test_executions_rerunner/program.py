"""One call of the program: settings become objects, a drain or a check, a report, and an exit code."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from test_executions_rerunner import github_actions, reporting
from test_executions_rerunner.checks import run_checks
from test_executions_rerunner.errors import SettingsError, TestObserverError
from test_executions_rerunner.logs import end_progress, print_lines, progress, set_up, tear_down
from test_executions_rerunner.reporting import Report, check_report_file
from test_executions_rerunner.request_file import RequestFile
from test_executions_rerunner.rerunner import Rerunner
from test_executions_rerunner.settings import Settings
from test_executions_rerunner.test_observer import TestObserverInterface
from test_executions_rerunner.text import without

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.request_queue import RequestQueue
    from test_executions_rerunner.signals import Signals

_log = logging.getLogger(__name__)


class Program:
    """One call: a drain or a check, and its report.

    Args:
        settings: What to do.
        runner: The environment of a GitHub runner; empty anywhere else.
        signals: What may end it early.
    """

    def __init__(self, settings: Settings, runner: Mapping[str, str], signals: Signals) -> None:
        self._settings, self._runner, self._signals = settings, runner, signals
        self._secrets = settings.secrets

    def run(self, *, verbose: bool, quiet: bool) -> int:
        """Do what the settings ask for, and tell what came of it.

        Returns:
            The exit code.
        """
        level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO

        if self._runner:
            print_lines(github_actions.masks(self._secrets))
        self._handler = set_up(level=level, secrets=self._secrets)
        self.report = Report(self._settings.processor, dry_run=self._settings.dry_run)
        try:
            if self._runner:
                print_lines([github_actions.group("What was done, as it happened")], file=sys.stderr)
            self._run_and_catch()
            if self._runner:
                print_lines([github_actions.end_group()], file=sys.stderr)
            self._tell(level)
        finally:
            tear_down(self._handler)
        return self.report.exit_code

    def _run_and_catch(self) -> None:
        """Do the work; every end of it becomes an exit code and, where one is due, an error."""
        try:
            self._check_report_file()
            processor = self._processor()
            observer = self._observer(processor)
            queue = RequestFile(self._settings.requests, observer) if self._settings.requests else observer
            if self._settings.check:
                self._check(processor, queue, observer)
            else:
                self._drain(processor, queue)
        except SettingsError as error:
            self.report.exit_code, self.report.error = 2, str(error)
        except KeyboardInterrupt:
            self.report.error = f"interrupted by {self._signals.name} before anything was started"
        except Exception as error:  # noqa: BLE001 - a bug has an exit code of its own
            _log.exception("a bug, please report it")
            self.report.exit_code, self.report.error = 70, f"a bug: {type(error).__name__}: {error}"
        if self._signals.received is not None:
            self.report.exit_code = self._signals.exit_code

    def _check_report_file(self) -> None:

        if not self._settings.report:
            return
        try:
            check_report_file(self._settings.report)
        except OSError as error:
            path = self._settings.report
            self._settings = Settings({**self._settings.values, "report": None})
            reason = error.strerror or error
            raise SettingsError(f"--report: {path!r} is not allowed: a file that can be written ({reason})") from error

    def _processor(self) -> RequestProcessor:
        """Make the chosen processor; only its client is imported."""
        settings = self._settings
        if settings.processor == "jenkins":
            from test_executions_rerunner.processors.jenkins import JenkinsProcessor  # noqa: PLC0415 - the chosen one

            return JenkinsProcessor(
                settings.jenkins_username,
                _needed(settings.jenkins_api_token, "JENKINS_API_TOKEN: an API token of the Jenkins user"),
                jenkins_url=settings.jenkins_url,
                build_parameters=settings.build_parameters,
                connections=settings.concurrency,
            )
        from test_executions_rerunner.processors.github import GithubProcessor  # noqa: PLC0415 - the chosen one

        return GithubProcessor(
            _needed(settings.github_token, "GH_TOKEN: a GitHub token with Actions: write"),
            repo=settings.repo,
            rerun=settings.rerun,
            max_attempts=settings.max_attempts,
            github_server_url=settings.github_server_url,
            github_api_url=settings.github_api_url,
            own_run_id=self._runner.get("GITHUB_RUN_ID"),
        )

    def _observer(self, processor: RequestProcessor) -> TestObserverInterface:

        settings = self._settings
        names = ("test_observer_url", "test_observer_api_key", "family", "environment")
        more = {name: getattr(settings, name) for name in (*names, "environment_architecture", "build_architecture")}
        more.update(connections=settings.concurrency, waiting=processor.waiting)
        return TestObserverInterface(**more)

    def _drain(self, processor: RequestProcessor, queue: RequestQueue) -> None:

        settings, report = self._settings, self.report
        rerunner = Rerunner(
            processor,
            test_observer=queue,
            limit=settings.limit,
            discard_refused=settings.discard_refused,
            dry_run=settings.dry_run,
            concurrency=settings.concurrency,
            on_ended=lambda outcomes: advance(len(outcomes)) if advance else None,
        )
        advance = progress(self._handler, lambda: rerunner.known)
        worker = self._signals.wait(rerunner.run)
        if name := self._signals.name:
            rerunner.end(f"interrupted by {name}")
        end_progress(self._handler)
        report.outcomes, report.remaining = rerunner.outcomes, rerunner.remaining
        report.error = rerunner.stopped.reason if rerunner.stopped else None
        if isinstance(worker.error, TestObserverError):
            report.exit_code, report.error = 3, str(worker.error)
        elif worker.error and not name:
            raise worker.error
        elif report.has_failures and not settings.dry_run:
            report.exit_code = 1

    def _check(self, processor: RequestProcessor, queue: RequestQueue, observer: TestObserverInterface) -> None:

        def work() -> None:
            for check in run_checks(processor, queue, observer):
                self.report.checks.append(check)
                print_lines([check.line], clean=True, secrets=self._secrets)

        worker = self._signals.wait(work)
        if worker.error and not self._signals.name:
            raise worker.error
        failed = [check.name for check in self.report.checks if check.ok is False]
        if failed:
            self.report.exit_code = 3 if failed[0].startswith("Test Observer") else 1
            self.report.error = f"a drain could not work: {', '.join(failed)}"

    def _tell(self, level: int) -> None:
        """Show the outcomes, and write them where they are wanted."""
        report = self.report
        report.error = report.error and without(self._secrets, report.error)
        if not report.checks and (level < logging.ERROR or report.has_failures or report.exit_code):
            lines = list(reporting.as_text(report))
            if report.dry_run:
                print_lines(lines, clean=True, secrets=self._secrets)
            elif report.outcomes or not report.error:
                for line in lines:
                    _log.log(logging.ERROR if line.startswith("!") else logging.INFO, "%s", line)
        if report.error:
            _log.error("%s", report.error)
        if self._runner:
            print_lines(github_actions.annotate(report))
        self._write(lambda path: reporting.write_report(path, report), self._settings.report)
        self._write(
            lambda path: github_actions.write_outputs(path, github_actions.outputs(report)),
            self._runner.get("GITHUB_OUTPUT"),
        )
        self._write(lambda path: github_actions.write_summary(path, report), self._runner.get("GITHUB_STEP_SUMMARY"))

    def _write(self, write: Callable[[str], None], path: str | None) -> None:
        if not path:
            return
        try:
            write(path)
        except OSError as error:
            _log.error("%s could not be written: %s", path, error)
            self.report.exit_code = self.report.exit_code or 1


def _needed(value: str | None, what: str) -> str:
    if not value:
        raise SettingsError(f"{what} is needed, and none is set")
    return value
