/* What the models share: the clock. No second passes while a call must be carried out first.

   Each model says in a_second_passes() what else grows older. */

#define WORKS (DRAINS * TARGETS)   /* at most four */
#define IS_DUE(n) (work[n].posting && work[n].post >= LATE_POST || \
                   work[n].deleting == 1 && work[n].guard >= LATE_DELETE || \
                   work[n].deleting == 2 && work[n].guard >= LATEST_GUARDED)

active proctype Clock() {
  byte n;
  do
  :: d_step {
       !(IS_DUE(0) || IS_DUE(1 % WORKS) || IS_DUE(2 % WORKS) || IS_DUE(3 % WORKS)) ->
       for (n : 0 .. WORKS - 1) {
         if :: work[n].look <= FRESH -> work[n].look++ :: else fi;
         if :: work[n].post < OLDEST_POST -> work[n].post++ :: else fi;
         if :: work[n].read <= READ_FRESH -> work[n].read++ :: else fi;
         if :: work[n].deleting -> work[n].guard++ :: else fi
       }
       for (n : 0 .. TARGETS * (REQUESTS + 1) - 1) {
         if :: n % (REQUESTS + 1) && n % (REQUESTS + 1) <= asked[n / (REQUESTS + 1)] && ask[n].age < OLDEST_REQUEST -> ask[n].age++ :: else fi
       }
       for (n : 0 .. TARGETS - 1) { if :: quiet[n] < REASK -> quiet[n]++ :: else fi }
       a_second_passes();
       n = 0; printf("SECOND\n")
     }
  od
}
