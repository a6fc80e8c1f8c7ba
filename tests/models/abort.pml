/* A job of Jenkins that aborts its running build for each new one (abortPrevious), two sets of parameters p with a group
   of Test Observer each, asked for once. A drain looks at the job once, takes the requests in the queue's order and
   starts what it may; then the next pass begins.

   killed  a build of ours whose request has left the queue is aborted by an item of ours

   check.py has the knobs: DRAINS, PASSES, KILLS, LOSES, the constants in seconds, and the rules (0 takes one away):
   RULE_BUSY no trigger while a build of the job runs or an item of it waits; RULE_ONE one trigger of the job a drain;
   RULE_DOUBT_COUNTS a doubtful one counts. */

bool row[2], made[2];
byte waits[2], due[2];      /* an item of p, the seconds that it waits still */
byte running, builds;       /* 1 + p: whose build runs */
byte look[DRAINS], post[DRAINS]; bool posting[DRAINS];
#define MOST_BUILDS 4

inline starts(p) {
  builds++; printf("SAY a build of %d starts\n", p);
  if
  :: running -> printf("SAY the build of %d is aborted, its request is queued: %d\n", running - 1, row[running - 1]);
       assert(row[running - 1])                                    /* killed */
  :: else
  fi;
  running = 1 + p
}

active proctype Clock() {
  byte n;
  do
  :: d_step {
       !(posting[0] && post[0] >= LATE_POST || posting[DRAINS - 1] && post[DRAINS - 1] >= LATE_POST) ->
       for (n : 0 .. DRAINS - 1) {
         if :: look[n] <= FRESH -> look[n]++ :: else fi;
         if :: posting[n] -> post[n]++ :: else fi
       }
       for (n : 0 .. 1) { if :: waits[n] && due[n] -> due[n]-- :: else fi }
       n = 0; printf("SECOND\n")
     }
  od
}

active proctype Jenkins() {
  byte p;
  do
  :: atomic { waits[0] && due[0] == 0 && builds < MOST_BUILDS -> waits[0] = 0; starts(0) }
  :: atomic { waits[1] && due[1] == 0 && builds < MOST_BUILDS -> waits[1] = 0; starts(1) }
  :: atomic { running && row[running - 1] -> row[running - 1] = 0; printf("SAY start-test, request %d leaves\n", running - 1) }
  :: atomic { running -> printf("SAY the build of %d ends\n", running - 1); running = 0 }
  od
}
active proctype Person() {
  do
  :: atomic { !made[0] -> made[0] = 1; row[0] = 1; printf("SAY request 0 is made\n") }
  :: atomic { !made[1] -> made[1] = 1; row[1] = 1; printf("SAY request 1 is made\n") }
  od
}
inline post_arrives() { if :: waits[p] :: else -> waits[p] = 1; due[p] = DELAY; printf("SAY an item is added for %d\n", p) fi }
inline maybe_killed() { if :: KILLS -> printf("SAY drain %d is killed\n", d); goto over :: true fi }

proctype Drain(byte d) {
  byte passes, p, busy; bool item[2], has[2], triggered, is_lost;
next:
  atomic { passes < PASSES && (row[0] || row[1]) -> passes++; has[0] = row[0]; has[1] = row[1];
    look[d] = 0; item[0] = waits[0]; item[1] = waits[1]; printf("SAY drain %d reads the queues: %d %d\n", d, item[0], item[1]) }
  atomic { maybe_killed(); busy = running; printf("SAY drain %d reads the builds: %d\n", d, busy); p = 0 }
each:
  atomic {
    maybe_killed();
    if
    :: p > 1 -> goto over
    :: p <= 1 && (!has[p] || item[p] || busy == 1 + p || look[d] > FRESH) -> p++; goto each
    :: p <= 1 && has[p] && !item[p] && busy != 1 + p && look[d] <= FRESH ->
         if
         :: RULE_BUSY && (busy || item[1 - p]) || RULE_ONE && triggered -> p++; goto each
         :: else -> posting[d] = 1; post[d] = 0; printf("SAY drain %d sends the trigger of %d\n", d, p)
         fi
    fi
  }
  atomic {
    if
    :: post_arrives(); triggered = 1
    :: LOSES -> post_arrives(); is_lost = 1; printf("SAY its answer is lost\n")
    :: LOSES -> is_lost = 1; printf("SAY the trigger is lost\n")
    fi;
    posting[d] = 0; post[d] = 0;
    if :: is_lost -> triggered = triggered || RULE_DOUBT_COUNTS; is_lost = 0; p++; goto each :: else fi
  }
  atomic { maybe_killed(); row[p] = 0; printf("SAY drain %d deletes request %d\n", d, p); p++; goto each }
over:
  atomic { p = 0; busy = 0; triggered = 0; is_lost = 0; item[0] = 0; item[1] = 0; has[0] = 0; has[1] = 0; look[d] = FRESH + 1; posting[d] = 0; goto next }
}

init { byte d; atomic { for (d : 0 .. DRAINS - 1) { look[d] = FRESH + 1; run Drain(d) } d = 0 } }
