/* What the generator is told. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

struct options {
    const char *requests;
    uint16_t port;
    unsigned connections;
    double warm_up; /* seconds that do not count */
    double seconds; /* seconds that count */
    double drain;   /* seconds that the last answers may take */
    double rate;    /* requests per second; 0: each connection asks again when it is answered */
    uint64_t least; /* bytes of an answer's body */
    uint64_t most;
};

/* Ends the process with a message when the arguments are wrong. */
struct options options_read(int count, char **arguments);

#endif
