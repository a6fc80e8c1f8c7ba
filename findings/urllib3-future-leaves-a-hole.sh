#!/usr/bin/env bash
# niquests 3.21.2 with urllib3-future 2.25.904: removing it takes urllib3 away from requests, and pip does not notice.
#
# urllib3-future installs its files over those of urllib3, whose metadata stays: what says 2.8.0 runs as 2.25.904, for
# requests, PyGithub and python-jenkins too. When niquests goes again, the files go; pip calls the environment
# consistent, `pip install requests` finds nothing to do, and requests cannot be imported. `pip install
# --force-reinstall urllib3` mends it.
#
# Seen on 2026-11-27:
#   before: urllib3 2.8.0, its metadata 2.8.0
#   with niquests: urllib3 2.25.904, its metadata 2.8.0
#   niquests and urllib3-future removed: ModuleNotFoundError
#   pip check: No broken requirements found.
#   pip install requests: ModuleNotFoundError
#   pip install --force-reinstall urllib3: urllib3 2.8.0, its metadata 2.8.0
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages requests==2.34.2 urllib3==2.8.0
pip() { venv/bin/python -m pip --disable-pip-version-check "$@"; }
install() { pip install --quiet "$@" || exit 2; }

versions() {
  venv/bin/python - <<'PYTHON'
import importlib.metadata

try:
    import requests
    import urllib3
except ModuleNotFoundError as error:
    print(type(error).__name__)
else:
    print(f"urllib3 {urllib3.__version__}, its metadata {importlib.metadata.version('urllib3')}")
PYTHON
}

in_turn() {
  echo "before: $(versions)"
  install niquests==3.21.2 urllib3-future==2.25.904
  echo "with niquests: $(versions)"
  pip uninstall --quiet --yes niquests urllib3-future
  echo "niquests and urllib3-future removed: $(versions)"
  echo "pip check: $(pip check)"
  install requests==2.34.2
  echo "pip install requests: $(versions)"
  install --force-reinstall --no-deps urllib3==2.8.0
  echo "pip install --force-reinstall urllib3: $(versions)"
}

shows in_turn
