#define _GNU_SOURCE
#include "requests.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t length_at(const unsigned char *at)
{
    return (size_t)at[0] | (size_t)at[1] << 8 | (size_t)at[2] << 16 | (size_t)at[3] << 24;
}

/* Counts the requests, and notes them where there is room for that; -1 when one is cut off. */
static long split(const unsigned char *bytes, size_t size, struct request *all)
{
    long count = 0;
    for (size_t at = 0; at < size; count++) {
        if (size - at < 4 || size - at - 4 < length_at(bytes + at))
            return -1;
        if (all != NULL)
            all[count] = (struct request){(const char *)bytes + at + 4, length_at(bytes + at)};
        at += 4 + length_at(bytes + at);
    }
    return count;
}

int requests_read(struct requests *requests, const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) < 0 || status.st_size == 0)
        return -1;
    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    close(file);
    if (bytes == MAP_FAILED)
        return -1;
    long count = split(bytes, size, NULL);
    if (count <= 0)
        return -1;
    requests->count = (size_t)count;
    requests->next = 0;
    requests->all = calloc(requests->count, sizeof *requests->all);
    if (requests->all == NULL)
        return -1;
    split(bytes, size, requests->all);
    return 0;
}

const struct request *requests_next(struct requests *requests)
{
    const struct request *request = &requests->all[requests->next];
    requests->next = (requests->next + 1) % requests->count;
    return request;
}
