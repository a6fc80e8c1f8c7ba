"""``python -m test_executions_rerunner.demo``: one queue, drained for Jenkins and for GitHub."""

from test_executions_rerunner.demo.story import tell

raise SystemExit(tell())
