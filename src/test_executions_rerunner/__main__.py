"""``python -m test_executions_rerunner``: the same as the console script."""

from test_executions_rerunner.cli import run

if __name__ == "__main__":
    run()
