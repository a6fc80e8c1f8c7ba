"""The demo's servers for whoever wants to try the real command on them."""

from __future__ import annotations

import shlex
import signal
import sys
import sysconfig
from pathlib import Path

from test_executions_rerunner.demo.scene import Scene

_ENDS = {signal.SIGINT, signal.SIGTERM}
_CALLS = (
    "jenkins --check",
    "jenkins --dry-run",
    "jenkins",
    "github --dry-run",
    "github --rerun job",
)


def serve() -> int:
    """Serve a filled queue until SIGINT or SIGTERM, and say how to use it.

    Returns:
        The exit code: 0.
    """
    # Blocked from the start, in every thread: the signal is only ever taken by the wait below.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    with Scene() as scene:
        lines = [
            "Test Observer, Jenkins and GitHub, all on this machine, with a filled queue. In a second terminal:",
            "",
            *(f"export {name}={shlex.quote(value)}" for name, value in scene.settings.items()),
            "",
            *(f"{_command()} {call}" for call in _CALLS),
            "",
            "Ctrl-C ends them; the next start has a new queue.",
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        signal.sigwait(_ENDS)
    return 0


def shown_path(path: str) -> str:
    """Return a path as it can be typed here: relative where it is in the current folder."""
    here = Path.cwd()
    shown = Path(path)
    return shlex.quote(str(shown.relative_to(here) if shown.is_relative_to(here) else shown))


def _command() -> str:
    """Return what starts the command of this very environment."""
    script = Path(sysconfig.get_path("scripts")) / "test-executions-rerunner"
    return shown_path(str(script)) if script.exists() else f"{shown_path(sys.executable)} -m test_executions_rerunner"
