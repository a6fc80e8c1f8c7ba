"""``python -m test_executions_rerunner.demo``: one queue, drained for Jenkins and for GitHub, or served."""

import argparse

from test_executions_rerunner.demo.serving import serve
from test_executions_rerunner.demo.story import tell


def main() -> int:
    """Run the demo.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(
        prog="python -m test_executions_rerunner.demo",
        description="Drain a small queue against loopback servers that stand for Test Observer, Jenkins and GitHub, "
        "and show what happened. Nothing leaves this machine.",
    )
    parser.add_argument(
        "--serve",
        action="store_true",
        help="instead start the servers with a filled queue, say how to try the command on them, and end on Ctrl-C",
    )
    return serve() if parser.parse_args().serve else tell()


raise SystemExit(main())
