/* What the models share: Test Observer, the people who ask, and a DELETE with its evidence.

   One step of the clock is a second. What a drain does between two of its calls takes any time; a call takes at most
   the seconds that its LATE_ constant gives it. An age counts no further than the last value that makes a difference,
   so there are finitely many states and no end of time.

   A target x has one group of Test Observer: at most one request of it is queued, its number is in row[x]. */

typedef Request {
  byte age;        /* seconds since it was made */
  bool began;      /* a rerun began since */
  byte lead;       /* how old it was then, for the newest such rerun */
  bool ran;        /* something of such a rerun ran */
  bool elsewhere;  /* its link names another target: a trigger of this one does not serve it */
  byte started     /* reruns that triggers for it alone added */
};
typedef Work {     /* what a drain knows of the request that it works on; ages in seconds */
  byte look;       /* since the look's first request was sent */
  byte post;       /* since the trigger was sent */
  byte read;       /* since the reading of the queue that it rests on */
  byte guard;      /* since the DELETE's own reading, or since a DELETE without one was sent */
  bool posting;    /* the trigger is on its way */
  byte deleting    /* 1: a DELETE without a reading is on its way, 2: one that rests on a reading */
};

#define ASK(n) ask[x * (REQUESTS + 1) + (n)]
#define W work[d * TARGETS + x]
#define OLDEST_REQUEST (YOUNG + WIDTH + WIDER + 1)
#define OLDEST_POST ((LATE_POST > AT_ONCE -> LATE_POST : AT_ONCE) + 1)
#define LATEST_GUARDED (GUARD + LATE_DELETE)

Request ask[TARGETS * (REQUESTS + 1)];
Work work[DRAINS * TARGETS];
byte row[TARGETS], asked[TARGETS], quiet[TARGETS];
bool is_moved;     /* requests made from now on name another target */

inline say_that_it_leaves() { row[x] = 0; quiet[x] = 0 }

/* A new request never meets the row of the one before, and comes no sooner than REASK seconds after that has left. */
proctype Person(byte x) {
  do
  :: atomic { asked[x] < REQUESTS && row[x] == 0 && quiet[x] >= REASK ->
       asked[x]++; row[x] = asked[x]; ASK(row[x]).elsewhere = is_moved;
       printf("SAY request %d of target %d is made\n", row[x], x) }
  od
}

inline forget_work() {
  W.look = FRESH + 1; W.post = OLDEST_POST; W.read = READ_FRESH + 1; W.guard = 0; W.posting = 0; W.deleting = 0
}
inline maybe_killed() { if :: KILLS -> printf("SAY drain %d is killed\n", d); goto over :: true fi }

/* Takes a request out of the queue, twice at most; `at_once`: an acceptance is the evidence. */
inline remove_request() {
  do
  :: atomic {
       maybe_killed();
       if
       :: at_once && (W.post <= AT_ONCE || !RULE_LATE || repeated) ->
            W.deleting = 1; W.guard = 0; printf("SAY drain %d sends a DELETE without a reading\n", d)
       :: else ->
            if
            :: RULE_GUARD && row[x] != mine -> goto over
            :: else -> W.deleting = 2; W.guard = 0; printf("SAY drain %d sends a DELETE, its reading sees request %d\n", d, row[x])
            fi
       fi
     }
     atomic {
       if
       :: delete_arrives(); lost = 0
       :: LOSES -> printf("SAY the DELETE is lost\n"); lost = 1
       :: LOSES -> delete_arrives(); printf("SAY its answer is lost\n"); lost = 1
       fi;
       W.deleting = 0; W.guard = 0;
       if :: lost && !repeated -> repeated = 1; at_once = at_once && !RULE_REPEAT :: else -> goto over fi
     }
  od
}
