/* A job of Jenkins, one set of parameters, drains beside each other and after each other.

   lost   a DELETE of ours removes a request for which nothing was started
   twice  a request gets two reruns of its own

   check.py has the knobs: what is in the world (DRAINS, PASSES, REQUESTS, KILLS, LOSES, ENDS, MOVED, CRASHES, OTHERS,
   GHOSTS, STARTED), the constants in seconds, and the rules (RULE_…; 0 takes one away). */

#define TARGETS 1
#include "queue.pml"

byte waiting, due, owner, builds, reporting, running, crashes;
bool owed, ghost;   /* owed: a request was deleted for what waits in Jenkins' queue still */

inline delete_arrives() {
  printf("SAY the DELETE is carried out, queued is request %d\n", row[x]);
  if
  :: row[x] ->
       assert(!ASK(row[x]).elsewhere);                             /* lost */
       assert(ASK(row[x]).began || (waiting && !STARTED));         /* lost */
       owed = owed || !ASK(row[x]).began;
       say_that_it_leaves()
  :: else
  fi
}
inline post_arrives() {
  if
  :: waiting -> printf("SAY the trigger for request %d is one with the item that waits\n", mine)
  :: else ->
       waiting = 1; due = DELAY; owner = mine; ASK(mine).started++;
       printf("SAY an item is added for request %d\n", mine);
       assert(ASK(mine).started <= 1)                              /* twice */
  fi
}
inline a_second_passes() { if :: waiting && due -> due-- :: else fi }
#include "clock.pml"

active proctype Jenkins() {
  byte n, x;
  do
  :: d_step { waiting && due == 0 && builds < REQUESTS + 1 ->
       waiting = 0; owed = 0; owner = 0; builds++; reporting++; running = running + ENDS;
       for (n : 1 .. REQUESTS) { if :: n <= asked[0] -> ASK(n).began = 1; ASK(n).lead = ASK(n).age :: else fi }
       n = 0; printf("SAY build %d starts\n", builds) }
  :: atomic { reporting && (!ENDS || running >= reporting) -> reporting--; printf("SAY start-test, queued is request %d\n", row[0]);
       if :: row[x] -> say_that_it_leaves() :: else fi }
  :: atomic { running > reporting -> running--; printf("SAY a build ends\n") }
  :: atomic { OTHERS && !is_moved -> is_moved = 1; printf("SAY start-test of another job's build, queued is request %d\n", row[0]);
       if :: row[x] -> say_that_it_leaves() :: else fi }
  :: atomic { crashes < CRASHES && waiting -> crashes++; waiting = 0; due = 0; ASK(owner).started--; owner = 0;
       printf("SAY Jenkins crashes and forgets what waits\n"); assert(!owed) }                 /* lost */
  :: atomic { ghost && !waiting -> ghost = 0; waiting = 1; due = DELAY; owner = 1; ASK(1).started++;
       printf("SAY the trigger that broke off is carried out late\n"); assert(ASK(1).started <= 1) }   /* twice */
  od
}

proctype Drain(byte d) {
  byte passes, mine, width, looks, built, x; bool item, at_once, lost, repeated, doubtful;
next:
  atomic { passes < PASSES && row[x] && !ASK(row[x]).elsewhere ->
    passes++; mine = row[x]; W.read = 0; printf("SAY drain %d reads request %d\n", d, mine);
    if :: width = WIDTH :: WIDER -> width = WIDTH + WIDER fi }
  !RULE_YOUNG || ASK(mine).age >= YOUNG + width;
  atomic {
    if
    :: W.read > READ_FRESH -> if :: row[x] == mine -> W.read = 0 :: else -> goto over fi
    :: true
    fi
  }
look:
  if
  :: RULE_QUEUE_FIRST -> atomic { W.look = 0; item = waiting; printf("SAY drain %d reads the queue: %d\n", d, item) }
  :: else -> atomic { W.look = 0; built = builds; doubtful = ASK(mine).began }
  fi;
  atomic {
    maybe_killed();
    if :: RULE_QUEUE_FIRST -> built = builds; doubtful = ASK(mine).began :: else -> item = waiting fi;
    printf("SAY drain %d reads the builds: one since %d, %d of them run\n", d, doubtful, running);
    if
    :: item && (MOVED || STARTED && RULE_STARTED) -> goto over
    :: item && !(MOVED || STARTED && RULE_STARTED) || !item && doubtful && !MOVED && ASK(mine).lead > width && !(RUNS_ONLY && !running) ->
         at_once = !RULE_EVIDENCE; W.look = FRESH + 1; W.post = (at_once -> 0 : OLDEST_POST); goto remove
    :: !item && doubtful && (MOVED || ASK(mine).lead <= width) && (running || !ENDS) && RULE_DOUBT -> goto over
    :: else -> doubtful = doubtful && !(RUNS_ONLY && !running)
    fi;
    item = 0
  }
  atomic {
    if
    :: doubtful && RULE_DOUBT ->
         if
         :: row[x] != mine -> printf("SAY drain %d reads the queue of Test Observer again: gone\n", d); goto over
         :: else -> if :: STARTED -> at_once = 0; goto remove :: else fi
         fi
    :: else
    fi;
    doubtful = 0
  }
  atomic {
    if
    :: W.look > FRESH -> looks++; if :: looks >= 2 -> goto over :: else -> goto look fi
    :: else ->
         W.posting = 1; W.post = 0; W.look = FRESH + 1;
         at_once = (W.read <= READ_FRESH || !RULE_READ) && (DELAY || !RULE_WAITS); W.read = READ_FRESH + 1;
         printf("SAY drain %d sends its trigger\n", d)
    fi
  }
trigger:
  atomic {
    if
    :: post_arrives(); lost = 0
    :: LOSES -> post_arrives(); lost = 1; printf("SAY its answer is lost\n")
    :: LOSES -> lost = 1; printf("SAY the trigger is lost\n"); if :: GHOSTS && mine == 1 -> ghost = 1 :: true fi
    fi;
    W.posting = 0; maybe_killed();
    if
    :: lost -> at_once = 0; if :: !RULE_ONE_POST && !repeated -> repeated = 1; goto trigger :: else -> lost = RULE_COMPARE fi
    :: else
    fi
  }
  if
  :: lost ->
       atomic { if :: waiting -> lost = 0 :: else fi }
       atomic { if :: lost && builds == built -> goto over :: else -> lost = 0 fi }
  :: else
  fi;
  atomic { if :: STARTED && RULE_STARTED -> goto over :: else fi }
remove:
  remove_request();
over:
  atomic { forget_work(); mine = 0; width = 0; looks = 0; built = 0; item = 0; at_once = 0; lost = 0; repeated = 0; doubtful = 0; goto next }
}

init {
  byte d, x;
  atomic {
    for (d : 0 .. DRAINS - 1) { forget_work(); run Drain(d) }
    quiet[0] = REASK; run Person(0);
    d = 0
  }
}
