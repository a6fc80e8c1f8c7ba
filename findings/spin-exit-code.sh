#!/usr/bin/env bash
# spin 6.5.2: a search that found an error, and one that was cut short, both exit 0; the second says "errors: 0".
#
# `spin -run` searches to a depth of 10,000 steps. A model that goes further is left there, with "max search depth too
# small" above the table and "errors: 0" in it, though its assertion fails a little deeper. Only words tell: a script
# that runs spin has to look for "errors: 0" and for the absence of that line.
#
# Seen on 2026-11-27:
#   lost update: exit 0, errors: 1
#   deep, as it comes: exit 0, max search depth too small, errors: 0
#   deep, -m100000: exit 0, errors: 1
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
needs apt-get dpkg gcc
apt-get -qq download spin=6.5.2+dfsg-1 >&2 || exit 2
dpkg -x spin_*.deb unpacked

cat >lost-update.pml <<'PROMELA'
byte number, done;
active [2] proctype add() { byte mine = number; number = mine + 1; done++ }
active proctype check() { done == 2; assert(number == 2) }
PROMELA
cat >deep.pml <<'PROMELA'
int number;
active proctype count() { do :: number < 6000 -> number++ :: else -> break od; assert(number != 6000) }
PROMELA

search() { # ARGUMENTS...
  local status=0
  unpacked/usr/bin/spin -run "$@" >output 2>&1 || status=$?
  echo "exit $status, $(grep -oE 'max search depth too small|errors: [0-9]+' output | paste -sd , | sed 's/,/, /g')"
}

searches() {
  echo "lost update: $(search lost-update.pml)"
  echo "deep, as it comes: $(search deep.pml)"
  echo "deep, -m100000: $(search -m100000 deep.pml)"
}

shows searches
