"""The command line: flags, environment and inputs become settings, objects, and an exit code.

Only this module reads the environment and ends the process.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from test_executions_rerunner import __version__
from test_executions_rerunner.cli import streams
from test_executions_rerunner.cli.settings.rows import SETTINGS
from test_executions_rerunner.cli.signals import Signals
from test_executions_rerunner.errors import SettingsError
from test_executions_rerunner.processors import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def main(arguments: Sequence[str] | None = None, signals: Signals | None = None) -> int:
    """Run the program once.

    Args:
        arguments: The command line without the program; None: that of the process.
        signals: What may end it early; None: noted from now on.

    Returns:
        The exit code.
    """
    return _run(arguments, os.environ, signals or Signals())  # noqa: TID251 - the one place


def run(signals: Signals) -> None:
    """Run the program and end the process: the console script."""
    streams.open_closed()
    try:
        exit_code = main(signals=signals)
    finally:
        streams.flush(sys.stdout)
        streams.flush(sys.stderr)
        signals.end()
    # the interpreter looks through everything once more at its end, which takes an eighth of a short call
    gc.freeze()
    sys.exit(exit_code)  # noqa: TID251 - the one place


def _run(arguments: Sequence[str] | None, environment: Mapping[str, str], signals: Signals) -> int:
    flags, problems = _read_flags(arguments)
    # what --help does not need, and takes longer than all of it
    from test_executions_rerunner.cli.settings.reading import collect_settings  # noqa: PLC0415

    settings, more = collect_settings(flags, environment)
    from test_executions_rerunner.cli.program import Program  # noqa: PLC0415

    program = Program(settings, environment, signals, [*problems, *more])
    return program.run(verbose=flags.get("verbose", False), quiet=flags.get("quiet", False))


def _read_flags(arguments: Sequence[str] | None) -> tuple[dict[str, Any], list[str]]:
    """Return the flags that were given, and what is wrong; no value of an unknown flag is told."""
    try:
        read, others = _parser().parse_known_args(arguments)
    except SettingsError as error:
        return {}, [str(error)]
    flags = vars(read)
    unknown = [each.partition("=")[0] for each in others if each.startswith("-")]
    if unknown and flags["processor"] not in REGISTRY:
        flags["processor"] = None  # what argparse takes for it is the value of an unknown flag
    problems = [f"{flag} is no flag{_meant(flag)}" for flag in unknown]
    if others and not unknown:
        problems.append(f"one argument is allowed beside the flags: {' or '.join(REGISTRY)}")
    return flags, problems


def _meant(flag: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - not needed to show --help

    near = get_close_matches(flag, [row.flag for row in SETTINGS if row.flag], n=1, cutoff=0.7)
    return f": did you mean {near[0]}?" if near else ""


class _Parser(argparse.ArgumentParser):
    """Leaves it to the program to tell what is wrong, together with everything else that is."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong."""
        raise SettingsError(message.removeprefix("argument "))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="test-executions-rerunner",
        usage=f"%(prog)s [{'|'.join(REGISTRY)}] [options]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=80),
    )
    parser.add_argument("processor", nargs="?", metavar="|".join(REGISTRY), help="default: jenkins")
    for row in SETTINGS:
        if row.flag and row.metavar:
            action = "append" if row.is_several else "store"
            parser.add_argument(row.flag, dest=row.name, metavar=row.metavar, action=action, help=row.help_text)
        elif row.flag:
            parser.add_argument(row.flag, dest=row.name, action="store_true", default=None, help=row.help_text)
    parser.add_argument("-v", "--verbose", action="store_true", help="show what is done and why, in detail")
    parser.add_argument("-q", "--quiet", action="store_true", help="show only what needs a person")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return parser
