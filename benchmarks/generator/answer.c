#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void answer_begin(struct answer *answer)
{
    answer->part = ANSWER_HEAD;
    answer->line_length = 0;
    answer->left = 0;
    answer->body_length = 0;
    answer->status = 0;
    answer->closes = false;
}

/* The value of a header in `head`, which ends with an empty line; NULL when it is not there. */
static const char *header(const char *head, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

static void read_head(struct answer *answer)
{
    const char *head = answer->line;
    if (strncmp(head, "HTTP/1.1 ", 9) != 0) {
        answer->part = ANSWER_BROKEN;
        return;
    }
    answer->status = atoi(head + 9);
    const char *connection = header(head, "connection");
    answer->closes = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    const char *length = header(head, "content-length");
    const char *coding = header(head, "transfer-encoding");
    answer->line_length = 0;
    if (length != NULL) {
        answer->left = answer->body_length = strtoull(length, NULL, 10);
        answer->part = answer->left > 0 ? ANSWER_BODY : ANSWER_DONE;
    } else if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0) {
        answer->part = ANSWER_CHUNK_SIZE;
    } else {
        answer->part = ANSWER_BROKEN; /* a body up to the end of the connection: none keeps alive */
    }
}

static void read_line(struct answer *answer)
{
    bool empty = answer->line_length <= 2;
    answer->line_length = 0;
    if (answer->part == ANSWER_CHUNK_SIZE) {
        answer->left = strtoull(answer->line, NULL, 16);
        answer->body_length += answer->left;
        answer->part = answer->left > 0 ? ANSWER_CHUNK : ANSWER_TRAILER;
    } else if (answer->part == ANSWER_CHUNK_END) {
        answer->part = ANSWER_CHUNK_SIZE;
    } else if (empty) {
        answer->part = ANSWER_DONE;
    }
}

/* Gathers one character of the head or of a line; acts when it completes them. */
static void gather(struct answer *answer, char character)
{
    if (answer->line_length >= ANSWER_HEAD_LIMIT) {
        answer->part = ANSWER_BROKEN;
        return;
    }
    answer->line[answer->line_length++] = character;
    answer->line[answer->line_length] = '\0';
    if (character != '\n')
        return;
    if (answer->part != ANSWER_HEAD)
        read_line(answer);
    else if (answer->line_length >= 4 &&
             memcmp(answer->line + answer->line_length - 4, "\r\n\r\n", 4) == 0)
        read_head(answer);
}

static size_t skip_body(struct answer *answer, size_t length)
{
    size_t taken = length < answer->left ? length : answer->left;
    answer->left -= taken;
    if (answer->left == 0)
        answer->part = answer->part == ANSWER_BODY ? ANSWER_DONE : ANSWER_CHUNK_END;
    return taken;
}

size_t answer_read(struct answer *answer, const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length && answer->part != ANSWER_DONE && answer->part != ANSWER_BROKEN) {
        if (answer->part == ANSWER_BODY || answer->part == ANSWER_CHUNK)
            at += skip_body(answer, length - at);
        else
            gather(answer, bytes[at++]);
    }
    return at;
}
