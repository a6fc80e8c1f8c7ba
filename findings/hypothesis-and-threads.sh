#!/usr/bin/env bash
# hypothesis 6.170.17 with pytest 9.2.0: a failure in a thread fails no example, so none is found, shrunk or shown.
#
# The thread's exception is nobody's: hypothesis goes through all its examples, and pytest makes warnings of what it
# collected. With warnings as errors the test fails, once, with a group of all of them, but still without an example.
# What a thread raises has to be raised again in the test's own thread.
#
# Seen on 2026-11-27:
#   assert in a thread: passed, warnings: yes, smallest example: none
#   assert in a thread, -W error: failed, warnings: no, smallest example: none
#   joined and raised again: failed, warnings: no, smallest example: n=30
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages hypothesis==6.170.17 pytest==9.2.0

cat >test_threads.py <<'PYTHON'
import threading
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings, strategies as st


def work(n):
    assert n < 30


@settings(deadline=None)
@given(n=st.integers(0, 100))
def test_thread(n):
    thread = threading.Thread(target=work, args=(n,))
    thread.start()
    thread.join()


@settings(deadline=None)
@given(n=st.integers(0, 100))
def test_future(n):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work, n).result()
PYTHON

pytest() { # ARGUMENTS...; says how it ended
  local result=passed example warned=no
  venv/bin/python -m pytest -q -p no:cacheprovider --hypothesis-seed=1 "$@" >output 2>&1 || result=failed
  if grep -q '[0-9] warning' output; then warned=yes; fi
  example=$(grep -o 'n=[0-9]*' output | tail -1) || example=none
  echo "$result, warnings: $warned, smallest example: $example"
}

three_ways() {
  echo "assert in a thread: $(pytest test_threads.py::test_thread)"
  echo "assert in a thread, -W error: $(pytest -W error test_threads.py::test_thread)"
  echo "joined and raised again: $(pytest test_threads.py::test_future)"
}

shows three_ways
