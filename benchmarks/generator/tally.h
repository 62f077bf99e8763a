/* What became of the requests of a run. */
#ifndef TALLY_H
#define TALLY_H

#include "answer.h"
#include "histogram.h"
#include "options.h"

enum { TALLY_STATUSES = 600 };

struct tally {
    struct histogram latencies;        /* ns, of good answers within the window */
    uint64_t refused[TALLY_STATUSES];  /* by status, within the window */
    uint64_t ill_sized;                /* status 200, and not as long as an answer is */
    uint64_t disconnected;             /* connections that ended before their answer */
    uint64_t unanswered;               /* requests of the window without an answer by the deadline */
    uint64_t answered;                 /* good answers, warm-up and drain included */
};

/* `counts`: the request belongs to the window. */
void tally_answer(struct tally *tally, const struct answer *answer, uint64_t latency, int counts,
                  const struct options *options);

/* One line of JSON. `elapsed` and `cpu` are seconds of the whole run. */
void tally_print(const struct tally *tally, const struct options *options, double elapsed,
                 double cpu);

#endif
