/* Runs of GitHub in one concurrency group with cancel-in-progress; drains with a thread for each run, which share claims.

   lost      a DELETE of ours removes a request though no rerun of its job was accepted, or seen to have run
   twice     a request is triggered again though what it asks for has run since
   cancelled a trigger of ours cancels an attempt that a drain started, or was told of by a refusal

   check.py has the knobs: what is in the world (TARGETS, DRAINS, PASSES, REQUESTS, KILLS, LOSES, STARTED, OTHERS; PEOPLE
   rerun the whole run, PARTS: or other jobs of the first so many runs; FAILURES: an attempt may end before anything of it ran), the
   constants in seconds, and the rules (RULE_…; 0 takes one away). */

#include "queue.pml"
#define R run_of[x]
typedef Run {
  bool going, runs;    /* an attempt is in progress; something of it has a runner */
  bool is_whole;       /* it has the job that the requests name */
  bool is_known;       /* a drain of ours started it, or was refused because of it */
  bool reported;
  byte age;            /* since it got its runner */
  byte attempts
};
Run run_of[TARGETS];
byte pass[DRAINS];
byte claim[DRAINS];    /* of the group, within a drain: 0 free, 1 + x being decided on, KEPT */
bool is_busy[DRAINS * TARGETS];
#define KEPT 9
#define another_is_going (x != 0 && run_of[0].going || x != TARGETS - 1 && run_of[TARGETS - 1].going)

inline delete_arrives() {
  printf("SAY the DELETE is carried out, queued is request %d of target %d\n", row[x], x);
  if
  :: row[x] ->
       assert(!ASK(row[x]).elsewhere);                                          /* lost */
       assert(is_found || STARTED -> ASK(row[x]).ran : ASK(row[x]).began);      /* lost */
       say_that_it_leaves()
  :: else
  fi
}
inline begins(ours, whole) {
  printf("SAY attempt %d of run %d begins, ours: %d\n", R.attempts + 1, x, ours);
  for (k : 0 .. TARGETS - 1) {
    if
    :: k != x && run_of[k].going ->
         printf("SAY the attempt of run %d is cancelled\n", k); assert(!(ours && run_of[k].is_known));   /* cancelled */
         run_of[k].going = 0; run_of[k].runs = 0; run_of[k].age = 0
    :: else
    fi
  }
  R.going = 1; R.runs = 0; R.age = 0; R.is_whole = whole; R.is_known = ours; R.reported = 0; R.attempts++;
  if
  :: whole -> for (k : 1 .. REQUESTS) { if :: k <= asked[x] -> ASK(k).began = 1; ASK(k).lead = ASK(k).age :: else fi }
  :: else
  fi;
  k = 0
}
inline a_second_passes() { for (n : 0 .. TARGETS - 1) { if :: run_of[n].runs && run_of[n].age < LEAST_RUN -> run_of[n].age++ :: else fi } }
#include "clock.pml"

proctype Github(byte x) {
  byte k;
  do
  :: atomic { R.going && !R.runs -> R.runs = 1; printf("SAY run %d has a runner\n", x);
       for (k : 1 .. REQUESTS) { if :: R.is_whole && k <= asked[x] && ASK(k).began -> ASK(k).ran = 1 :: else fi }
       k = 0 }
  :: atomic { R.runs && R.is_whole && !R.reported -> R.reported = 1; printf("SAY start-test of run %d, queued is request %d\n", x, row[x]);
       if :: row[x] -> say_that_it_leaves() :: else fi }
  :: atomic { R.runs && R.age >= LEAST_RUN && (R.reported || !R.is_whole) -> R.going = 0; R.runs = 0; R.age = 0; printf("SAY run %d ends\n", x) }
  :: atomic { FAILURES && R.going && !R.runs -> R.going = 0; printf("SAY run %d ends before anything of it ran\n", x) }
  :: atomic { PEOPLE && !R.going && R.attempts < 2 -> begins(0, 1) }
  :: atomic { x < PARTS && !R.going && R.attempts < 2 -> begins(0, 0) }
  :: atomic { OTHERS && !is_moved -> is_moved = 1; printf("SAY start-test of another run, queued is request %d\n", row[x]);
       if :: row[x] -> say_that_it_leaves() :: else fi }
  od
}

inline post_arrives() {
  if
  :: R.going -> is_refused = 1; R.is_known = 1; printf("SAY refused: already running\n")
  :: else -> begins(1, 1); assert(!ASK(mine).ran)                               /* twice */
  fi
}

proctype Drain(byte d, x) {
  byte passed, mine, width, looks, seen, k; bool at_once, is_found, lost, repeated, is_refused;
next:
  atomic { passed < pass[d] && row[x] && !ASK(row[x]).elsewhere ->
    passed = pass[d]; is_busy[d * TARGETS + x] = 1; mine = row[x]; W.read = 0; printf("SAY drain %d reads request %d of target %d\n", d, mine, x);
    if :: width = WIDTH :: WIDER -> width = WIDTH + WIDER fi }
  !RULE_YOUNG || ASK(mine).age >= YOUNG + width;
  atomic {
    if
    :: W.read > READ_FRESH -> if :: row[x] == mine -> W.read = 0 :: else -> goto over fi
    :: true
    fi
  }
look:
  atomic {
    maybe_killed();
    W.look = 0; seen = R.attempts;
    printf("SAY drain %d looks at run %d: in progress %d; for its request: begun %d, ran %d\n", d, x, R.going, ASK(mine).began, ASK(mine).ran);
    if
    :: ASK(mine).began && ASK(mine).lead > width && (ASK(mine).ran || !RULE_RAN && !STARTED) ->
         is_found = 1; at_once = !RULE_EVIDENCE; W.look = FRESH + 1; W.post = (at_once -> 0 : OLDEST_POST); goto remove
    :: else -> if :: R.going || is_refused -> goto over :: else fi
    fi
  }
  atomic {
    if
    :: RULE_DOUBT && ASK(mine).began && ASK(mine).ran && row[x] != mine -> printf("SAY drain %d reads the queue again: gone\n", d); goto over
    :: else
    fi
  }
  atomic {
    if
    :: RULE_GROUPS && another_is_going -> goto over
    :: !RULE_CLAIMS || TARGETS == 1
    :: else -> if :: claim[d] == KEPT -> goto over :: claim[d] == 0 -> claim[d] = 1 + x fi
    fi
  }
  atomic {
    if
    :: W.look > FRESH -> if :: claim[d] == 1 + x -> claim[d] = 0 :: else fi; looks++; if :: looks >= 2 -> goto over :: else -> goto look fi
    :: else ->
         W.posting = 1; W.post = 0; W.look = FRESH + 1; at_once = W.read <= READ_FRESH || !RULE_READ; W.read = READ_FRESH + 1;
         printf("SAY drain %d sends the trigger of run %d\n", d, x)
    fi
  }
trigger:
  atomic {
    if
    :: post_arrives(); lost = 0
    :: LOSES -> post_arrives(); lost = 1; is_refused = 0; printf("SAY its answer is lost\n")
    :: LOSES -> lost = 1; printf("SAY the trigger is lost\n")
    fi;
    if :: claim[d] == 1 + x -> claim[d] = (is_refused && !RULE_KEPT || lost && !RULE_DOUBT_KEEPS -> 0 : KEPT) :: else fi;
    W.posting = 0; maybe_killed();
    if
    :: is_refused -> goto look
    :: lost -> at_once = 0; if :: !RULE_ONE_POST && !repeated -> repeated = 1; goto trigger :: else -> lost = RULE_COMPARE fi
    :: else
    fi
  }
  atomic { if :: lost && !(R.attempts > seen && (R.is_whole || !RULE_JOB)) -> goto over :: else -> lost = 0 fi }
  atomic { if :: STARTED && RULE_STARTED -> goto over :: else fi }
remove:
  remove_request();
over:
  atomic {
    if :: claim[d] == 1 + x -> claim[d] = 0 :: else fi;
    forget_work(); is_busy[d * TARGETS + x] = 0;
    mine = 0; width = 0; looks = 0; seen = 0; at_once = 0; is_found = 0; lost = 0; repeated = 0; is_refused = 0; goto next
  }
}

proctype Begin(byte d) {
  do
  :: atomic { pass[d] < PASSES && !is_busy[d * TARGETS] && !is_busy[d * TARGETS + TARGETS - 1] ->
       pass[d]++; claim[d] = 0; printf("SAY drain %d begins its pass %d\n", d, pass[d]) }
  od
}

init {
  byte d, x;
  atomic {
    for (d : 0 .. DRAINS - 1) { for (x : 0 .. TARGETS - 1) { forget_work(); run Drain(d, x) } run Begin(d) }
    for (x : 0 .. TARGETS - 1) { quiet[x] = REASK; run Person(x); run Github(x) }
    d = 0; x = 0
  }
}
