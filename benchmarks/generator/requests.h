/* Whole requests, head and body, as their sender wrote them; handed out in turn. */
#ifndef REQUESTS_H
#define REQUESTS_H

#include <stddef.h>

struct request {
    const char *bytes;
    size_t length;
};

struct requests {
    struct request *all;
    size_t count;
    size_t next;
};

/* Reads a file of requests, each behind its length as 4 bytes, little-endian. */
int requests_read(struct requests *requests, const char *path);

const struct request *requests_next(struct requests *requests);

#endif
