#!/usr/bin/env bash
# frontrun 0.7.0: what is decided about a Condition hangs on how its class was imported, and on the clock.
#
# One thread waits, another wakes it; nothing can go wrong. frontrun puts its own classes into the module threading, so
# a class that was imported by name before is not under its control: no strategy comes to an end with it, and after 5 s
# property_holds is None, neither true nor false. Looked up as threading.Condition at run time, it is controlled;
# "dpor", the usual strategy, still times out, unless it is given `clock="virtual"`, though nothing here has a time-out.
#
# Seen on 2026-11-27:
#   from threading import Condition: dpor None, dpor with clock="virtual" None, random None
#   threading.Condition: dpor None, dpor with clock="virtual" True, random True
#   threading.Event: dpor True, dpor with clock="virtual" True, random True
set -euo pipefail
# shellcheck source=/dev/null
. "$(dirname "$0")/common.bash"
python_packages frontrun==0.7.0

cat >woken.py <<'PYTHON'
import sys
import threading
from threading import Condition

import frontrun


class WithCondition:
    def __init__(self, condition):
        self.condition = condition
        self.is_open = self.is_through = False

    def wait(self):
        with self.condition:
            self.condition.wait_for(lambda: self.is_open)
            self.is_through = True

    def wake(self):
        with self.condition:
            self.is_open = True
            self.condition.notify_all()


class WithEvent:
    def __init__(self):
        self.event = threading.Event()
        self.is_through = False

    def wait(self):
        self.event.wait()
        self.is_through = True

    def wake(self):
        self.event.set()


MAKERS = {
    "from threading import Condition": (WithCondition, lambda: WithCondition(Condition())),
    "threading.Condition": (WithCondition, lambda: WithCondition(threading.Condition())),
    "threading.Event": (WithEvent, WithEvent),
}


def holds(**settings):
    found = frontrun.explore(
        setup=make, workers=[kind.wait, kind.wake], invariant=lambda one: one.is_through, **settings
    )
    return found.property_holds


name = sys.argv[1]
kind, make = MAKERS[name]
print(
    f"{name}: dpor {holds(strategy='dpor')},",
    f'dpor with clock="virtual" {holds(strategy="dpor", clock="virtual")},',
    f"random {holds(strategy='random')}",
)
PYTHON

each_in_its_own_process() {
  local name
  for name in 'from threading import Condition' threading.Condition threading.Event; do
    venv/bin/frontrun venv/bin/python woken.py "$name" 2>frontrun.log || { cat frontrun.log >&2; return 1; }
  done
}

shows each_in_its_own_process
