/* Latencies in logarithmic buckets: a quantile is at most 0.8 % above the truth. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BITS = 7, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t largest;
};

void histogram_add(struct histogram *histogram, uint64_t value);

/* The upper edge of the bucket that holds the quantile, at most the largest value; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif
