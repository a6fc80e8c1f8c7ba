#!/usr/bin/env bash
# coverage 7.17.5, pytest-xdist 3.8.0, pytest-timeout 2.4.0: a test that times out takes along what others had covered.
#
# pytest-timeout's method "thread" ends the process, which under xdist is a worker; xdist replaces it and reports one
# failed test. coverage writes a worker's data when it ends, so the lines that its earlier, passed tests had covered are
# missing, and a floor fails beside the test. `patch = subprocess, _exit` writes the data first; `subprocess` alone,
# which is enough for healthy workers, does not.
#
# Seen on 2026-11-27:
#   patch=subprocess: 1 failed, 1 passed; lines of the passed test not covered: 2
#   patch=subprocess,_exit: 1 failed, 1 passed; lines of the passed test not covered: none
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages coverage==7.17.5 pytest==9.2.0 pytest-xdist==3.8.0 pytest-timeout==2.4.0

cat >product.py <<'PYTHON'
def half(number):
    return number // 2
PYTHON
cat >test_product.py <<'PYTHON'
import threading

import pytest
from product import half


def test_half():
    assert half(4) == 2


@pytest.mark.timeout(1, method="thread")
def test_slow():
    threading.Event().wait(30)
PYTHON

missing() { # PATCHES
  local lines
  printf '[run]\nparallel = true\nsource = .\npatch = %s\n' "$1" >.coveragerc
  venv/bin/python -m coverage run -m pytest -q -n 1 -p no:cacheprovider test_product.py >output 2>&1 || true
  venv/bin/python -m coverage combine --quiet
  venv/bin/python -m coverage report --show-missing --include=product.py >table
  lines=$(sed -n 's/^product.*% *//p' table)
  echo "patch=$1: $(grep -o '1 failed, 1 passed' output); lines of the passed test not covered: ${lines:-none}"
}

both() {
  missing subprocess
  missing subprocess,_exit
}

shows both
