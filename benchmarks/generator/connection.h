/* One keep-alive connection to 127.0.0.1, with at most one request under way. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "answer.h"
#include "requests.h"

#include <stdint.h>

struct connection {
    int socket;
    const struct request *request; /* NULL: idle */
    size_t sent;
    uint64_t due; /* when the request was to be sent, ns */
    struct answer answer;
};

/* Connects and lets `epoll` watch it. -1 with errno when that fails. */
int connection_open(struct connection *connection, uint16_t port, int epoll);

void connection_close(struct connection *connection);

/* Sends what is left of the request. -1 when the connection has ended. */
int connection_send(struct connection *connection);

/* Reads what is there. 1: the answer is complete; 0: not yet; -1: the connection has ended. */
int connection_receive(struct connection *connection);

#endif
