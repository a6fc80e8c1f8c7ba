"""The command line: flags, environment and inputs become settings, objects, and an exit code.

Only this module reads the environment and ends the process.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

from test_executions_rerunner import __version__
from test_executions_rerunner.settings import SETTINGS, Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from test_executions_rerunner.processors.base import RequestProcessor
    from test_executions_rerunner.test_observer import TestObserverInterface

GRACE_SECONDS = 5.0
"""What is in flight may take so long after a signal; GitHub and ``docker stop`` kill after ten."""
DELETE_SECONDS = 2.5
"""And the deletes of what was accepted so long more."""
_log = logging.getLogger(__name__)
_DESCRIPTION = "Start again the CI runs that Test Observer was asked to have started again."
_EPILOG = """\
credentials, from the environment only:
  TEST_OBSERVER_API_KEY                  key with view_rerun and change_rerun
  JENKINS_USERNAME, JENKINS_API_TOKEN    for jenkins; the user defaults to admin
  GH_TOKEN or GITHUB_TOKEN               for github
  GITHUB_SERVER_URL, GITHUB_API_URL      another GitHub server than github.com

Each flag is also an environment variable: --dry-run is RERUNNER_DRY_RUN,
--build-parameter RERUNNER_BUILD_PARAMETERS (one a line), --test-observer-url
TEST_OBSERVER_URL and --jenkins-url JENKINS_URL.

exit codes: 0 nothing failed; 1 a request or a delete failed; 2 wrong setting or
missing credential; 3 Test Observer could not be used; 130, 143 interrupted;
70 a bug
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program once.

    Args:
        arguments: The command line without the program; None: that of the process.

    Returns:
        The exit code.
    """
    signals = _Signals()
    parsed = vars(_parser().parse_args(arguments))
    environment = os.environ  # noqa: TID251 - the one place
    in_actions = environment.get("GITHUB_ACTIONS") == "true"
    try:
        settings = read_settings(parsed, environment)
    except SettingsError as error:
        return _refuse(error, in_actions=in_actions)
    return _Program(settings, environment if in_actions else {}, signals).run(_level(parsed))


def run() -> None:
    """Run the program and end the process: the console script."""
    sys.exit(main())  # noqa: TID251 - the one place


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="test-executions-rerunner",
        usage="%(prog)s [jenkins|github] [options]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=80),
    )
    parser.add_argument("processor", nargs="?", metavar="jenkins|github", help="default: jenkins")
    for row in SETTINGS:
        if row.flag and row.metavar:
            action = "append" if row.is_several else "store"
            parser.add_argument(row.flag, dest=row.name, metavar=row.metavar, action=action, help=row.help)
        elif row.flag:
            parser.add_argument(row.flag, dest=row.name, action="store_true", default=None, help=row.help)
    parser.add_argument("-v", "--verbose", action="store_true", help="show what is done and why, in detail")
    parser.add_argument("-q", "--quiet", action="store_true", help="show only what needs a person")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser


def _level(parsed: Mapping[str, Any]) -> int:
    if parsed["quiet"]:
        return logging.ERROR
    return logging.DEBUG if parsed["verbose"] else logging.INFO


def _refuse(error: SettingsError, *, in_actions: bool) -> int:
    from test_executions_rerunner.text import harmless  # noqa: PLC0415 - not needed to show --help

    print(f"test-executions-rerunner: {harmless(error, most=2000)}", file=sys.stderr)  # noqa: T201 - no log yet
    if in_actions:
        print(f"::error title=Wrong setting::{harmless(error, most=2000).replace('%', '%25')}")  # noqa: T201 - a workflow command
    return 2


class _Signals:
    """Notes SIGINT and SIGTERM from the first moment on; a process that is PID 1 has no default for them."""

    def __init__(self) -> None:
        self.received: int | None = None
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, self._note)

    def _note(self, number: int, _: object) -> None:
        self.received = number

    def wait(self, thread: threading.Thread) -> str | None:
        """Wait for a thread; return the name of a signal that came before its end."""
        while thread.is_alive() and self.received is None:
            thread.join(0.1)
        return signal.Signals(self.received).name if self.received is not None else None


class _Program:
    """One call: a drain or a check, and its report."""

    def __init__(self, settings: Settings, runner: Mapping[str, str], signals: _Signals) -> None:
        self._settings, self._runner, self._signals = settings, runner, signals
        self._secrets = settings.secrets

    def run(self, level: int) -> int:
        from test_executions_rerunner import github_actions, logs  # noqa: PLC0415 - not needed to show --help
        from test_executions_rerunner.reporting import Report  # noqa: PLC0415

        if self._runner:
            _print_lines(github_actions.masks(self._secrets))
        self._handler = logs.set_up(level=level, secrets=self._secrets)
        self.report = Report(self._settings.processor, dry_run=self._settings.dry_run)
        try:
            if self._runner:
                _print_lines([github_actions.group("What was done, as it happened")], file=sys.stderr)
            self._run_and_catch()
            if self._runner:
                _print_lines([github_actions.end_group()], file=sys.stderr)
            self._tell(level)
        finally:
            logs.tear_down(self._handler)
        return self.report.exit_code

    def _run_and_catch(self) -> None:
        """Do the work; every end of it becomes an exit code and, where one is due, an error."""
        try:
            self._check_report_file()
            processor, queue = self._processor(), None
            queue = self._queue(processor)
            if self._settings.check:
                self._check(processor, queue)
            else:
                self._drain(processor, queue)
        except SettingsError as error:
            self.report.exit_code, self.report.error = 2, str(error)
        except Exception as error:  # noqa: BLE001 - a bug has an exit code of its own
            _log.exception("a bug, please report it")
            self.report.exit_code, self.report.error = 70, f"a bug: {type(error).__name__}: {error}"
        if self._signals.received is not None:
            self.report.exit_code = 128 + self._signals.received

    def _check_report_file(self) -> None:
        from test_executions_rerunner.reporting import check_report_file  # noqa: PLC0415

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
            from test_executions_rerunner.processors.jenkins import JenkinsProcessor  # noqa: PLC0415

            return JenkinsProcessor(
                settings.jenkins_username,
                _needed(settings.jenkins_api_token, "JENKINS_API_TOKEN: an API token of the Jenkins user"),
                jenkins_url=settings.jenkins_url,
                build_parameters=settings.build_parameters,
                connections=settings.concurrency,
            )
        from test_executions_rerunner.processors.github import GithubProcessor  # noqa: PLC0415

        return GithubProcessor(
            _needed(settings.github_token, "GH_TOKEN: a GitHub token with Actions: write"),
            repo=settings.repo,
            rerun=settings.rerun,
            max_attempts=settings.max_attempts,
            github_server_url=settings.github_server_url,
            github_api_url=settings.github_api_url,
            own_run_id=self._runner.get("GITHUB_RUN_ID"),
        )

    def _queue(self, processor: RequestProcessor) -> TestObserverInterface:
        from test_executions_rerunner.request_file import RequestFile  # noqa: PLC0415
        from test_executions_rerunner.test_observer import TestObserverInterface  # noqa: PLC0415

        settings = self._settings
        names = ("test_observer_url", "test_observer_api_key", "family", "environment")
        more = {name: getattr(settings, name) for name in (*names, "environment_architecture", "build_architecture")}
        more.update(connections=settings.concurrency, waiting=processor.waiting)
        return RequestFile(settings.requests, **more) if settings.requests else TestObserverInterface(**more)

    def _drain(self, processor: RequestProcessor, queue: TestObserverInterface) -> None:
        from test_executions_rerunner.errors import TestObserverError  # noqa: PLC0415
        from test_executions_rerunner.logs import progress  # noqa: PLC0415
        from test_executions_rerunner.rerunner import Rerunner  # noqa: PLC0415

        settings, report = self._settings, self.report
        rerunner = Rerunner(
            processor,
            test_observer=queue,
            limit=settings.limit,
            discard_refused=settings.discard_refused,
            dry_run=settings.dry_run,
            concurrency=settings.concurrency,
            on_outcome=lambda _: advance and advance(),
        )
        advance = progress(self._handler, lambda: rerunner.known)
        worker = _Worker(rerunner.run)
        name = self._signals.wait(worker)
        if name:
            rerunner.interrupt(f"interrupted by {name}")
            worker.join(GRACE_SECONDS)
            rerunner.close(f"interrupted by {name}")
            worker.join(DELETE_SECONDS if rerunner.is_deleting else 0)
            rerunner.close_deletes(f"interrupted by {name}")
        report.outcomes, report.remaining, report.error = rerunner.outcomes, rerunner.remaining, rerunner.stopped
        if isinstance(worker.error, TestObserverError):
            report.exit_code, report.error = 3, str(worker.error)
        elif worker.error and not name:
            raise worker.error
        elif report.has_failures and not settings.dry_run:
            report.exit_code = 1

    def _check(self, processor: RequestProcessor, queue: TestObserverInterface) -> None:
        from test_executions_rerunner.checks import run_checks  # noqa: PLC0415

        def work() -> None:
            for check in run_checks(processor, queue):
                self.report.checks.append(check)
                _print_lines([check.line], clean=True, secrets=self._secrets)

        worker = _Worker(work)
        if not self._signals.wait(worker) and worker.error:
            raise worker.error
        failed = [check.name for check in self.report.checks if check.ok is False]
        if failed:
            self.report.exit_code = 3 if failed[0].startswith("Test Observer") else 1
            self.report.error = f"a drain could not work: {', '.join(failed)}"

    def _tell(self, level: int) -> None:
        """Show the outcomes, and write them where they are wanted."""
        from test_executions_rerunner import github_actions, reporting  # noqa: PLC0415

        report = self.report
        if not report.checks and (level < logging.ERROR or report.has_failures or report.exit_code):
            lines = list(reporting.as_text(report))
            if report.dry_run:
                _print_lines(lines, clean=True, secrets=self._secrets)
            elif report.outcomes or not report.error:
                for line in lines:
                    _log.log(logging.ERROR if line.startswith("!") else logging.INFO, "%s", line)
        if report.error:
            _log.error("%s", report.error)
        if self._runner:
            _print_lines(github_actions.annotate(report))
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


class _Worker(threading.Thread):
    """Does the work beside the main thread, which can then answer a signal while a server hangs."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(name="drain", daemon=True)
        self._work = work
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the main thread raises it again
            self.error = error


def _needed(value: str | None, what: str) -> str:
    if not value:
        raise SettingsError(f"{what} is needed, and none is set")
    return value


def _print_lines(
    lines: Iterable[str], *, clean: bool = False, secrets: Sequence[str] = (), file: TextIO | None = None
) -> None:
    """Print to stdout, or another file: workflow commands as they are, anything else made harmless."""
    from test_executions_rerunner.text import harmless, without  # noqa: PLC0415

    out = file or sys.stdout
    for line in lines:
        indent = line[: len(line) - len(line.lstrip())] if clean else ""
        shown = indent + harmless(without(secrets, line), most=4000) if clean else line
        encoding = out.encoding or "utf-8"
        print(shown.encode(encoding, "backslashreplace").decode(encoding), file=out, flush=True)
