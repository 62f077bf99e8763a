#include "tally.h"

#include <inttypes.h>
#include <stdio.h>

void tally_answer(struct tally *tally, const struct answer *answer, uint64_t latency, int counts,
                  const struct options *options)
{
    int fits = answer->body_length >= options->least && answer->body_length <= options->most;
    if (answer->status == 200 && fits) {
        tally->answered++;
        if (counts)
            histogram_add(&tally->latencies, latency);
    } else if (answer->status == 200) {
        tally->ill_sized++;
    } else if (counts) {
        int known = answer->status > 0 && answer->status < TALLY_STATUSES;
        tally->refused[known ? answer->status : 0]++;
    }
}

static void print_errors(const struct tally *tally)
{
    printf("\"errors\": {\"ill_sized\": %" PRIu64 ", \"disconnected\": %" PRIu64
           ", \"unanswered\": %" PRIu64, tally->ill_sized, tally->disconnected, tally->unanswered);
    for (int status = 0; status < TALLY_STATUSES; status++)
        if (tally->refused[status] > 0)
            printf(", \"%d\": %" PRIu64, status, tally->refused[status]);
    printf("}, ");
}

static void print_latencies(const struct histogram *latencies)
{
    static const struct { const char *name; double share; } QUANTILES[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
    printf("\"latency_us\": {");
    for (size_t i = 0; i < sizeof QUANTILES / sizeof *QUANTILES; i++)
        printf("\"%s\": %.1f, ", QUANTILES[i].name,
               (double)histogram_quantile(latencies, QUANTILES[i].share) / 1e3);
    printf("\"max\": %.1f}, ", (double)latencies->largest / 1e3);
}

void tally_print(const struct tally *tally, const struct options *options, double elapsed,
                 double cpu)
{
    /* Latencies hold unanswered requests too, with the time they had waited. */
    uint64_t good = tally->latencies.total - tally->unanswered;
    printf("{\"requests\": %" PRIu64 ", ", good);
    print_errors(tally);
    printf("\"seconds\": %.6f, \"rate\": %.2f, ", options->seconds, (double)good / options->seconds);
    print_latencies(&tally->latencies);
    printf("\"answered\": %" PRIu64 ", \"elapsed\": %.6f, \"cpu_seconds\": %.6f}\n",
           tally->answered, elapsed, cpu);
}
