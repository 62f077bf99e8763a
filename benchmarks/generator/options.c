#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct option NAMES[] = {
    {"requests", required_argument, NULL, 'f'},
    {"port", required_argument, NULL, 'p'},
    {"connections", required_argument, NULL, 'c'},
    {"warm-up", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 's'},
    {"drain", required_argument, NULL, 'd'},
    {"rate", required_argument, NULL, 'r'},
    {"least", required_argument, NULL, 'l'},
    {"most", required_argument, NULL, 'm'},
    {NULL, 0, NULL, 0},
};

static void set(struct options *options, int name, const char *value)
{
    switch (name) {
    case 'f': options->requests = value; break;
    case 'p': options->port = (uint16_t)strtoul(value, NULL, 10); break;
    case 'c': options->connections = (unsigned)strtoul(value, NULL, 10); break;
    case 'w': options->warm_up = strtod(value, NULL); break;
    case 's': options->seconds = strtod(value, NULL); break;
    case 'd': options->drain = strtod(value, NULL); break;
    case 'r': options->rate = strtod(value, NULL); break;
    case 'l': options->least = strtoull(value, NULL, 10); break;
    case 'm': options->most = strtoull(value, NULL, 10); break;
    default: exit(2); /* getopt has said what is wrong */
    }
}

struct options options_read(int count, char **arguments)
{
    struct options options = {
        .connections = 1, .warm_up = 0.5, .seconds = 2, .drain = 5, .most = UINT64_MAX};
    int name;
    while ((name = getopt_long(count, arguments, "", NAMES, NULL)) != -1)
        set(&options, name, optarg);
    if (options.requests == NULL || options.port == 0 || options.connections == 0 ||
        options.connections > 1024 || !(options.seconds > 0) || !(options.rate >= 0)) {
        fprintf(stderr, "usage: %s --requests FILE --port PORT [--connections 1..1024] "
                        "[--rate PER_SECOND] [--warm-up S] [--seconds S] [--drain S] "
                        "[--least BYTES] [--most BYTES]\n", arguments[0]);
        exit(2);
    }
    return options;
}
