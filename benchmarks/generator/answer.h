/* Reads one HTTP/1.1 answer after the other from the bytes of a connection. */
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stddef.h>

enum { ANSWER_HEAD_LIMIT = 16384 };

enum answer_part {
    ANSWER_HEAD,
    ANSWER_BODY,
    ANSWER_CHUNK_SIZE,
    ANSWER_CHUNK,
    ANSWER_CHUNK_END,
    ANSWER_TRAILER,
    ANSWER_DONE,
    ANSWER_BROKEN
};

struct answer {
    enum answer_part part;
    char line[ANSWER_HEAD_LIMIT + 1];
    size_t line_length;
    size_t left;
    size_t body_length;
    int status;
    bool closes;
};

void answer_begin(struct answer *answer);

/* Takes bytes until the answer is done or broken; returns how many it took. */
size_t answer_read(struct answer *answer, const char *bytes, size_t length);

#endif
