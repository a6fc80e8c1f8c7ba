"""``python -m test_executions_rerunner``, and the console script.

Signals are noted before anything else is imported: a signal that comes in between ends the program in good order too.
"""

from __future__ import annotations

import gc

from test_executions_rerunner.cli.signals import Signals


def run() -> None:
    """Run the program and end the process."""
    gc.disable()  # until the work begins: what is imported stays, and to look through it takes a tenth of the time
    signals = Signals()
    from test_executions_rerunner.cli import main as cli  # noqa: PLC0415 - what takes time comes after the signals

    cli.run(signals)


if __name__ == "__main__":
    run()
