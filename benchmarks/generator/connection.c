#define _GNU_SOURCE
#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int connection_open(struct connection *connection, uint16_t port, int epoll)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct epoll_event watched = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                  .data = {.ptr = connection}};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->request = NULL;
    connection->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->socket < 0 ||
        connect(connection->socket, (struct sockaddr *)&address, sizeof address) < 0 ||
        setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
        return -1;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, connection->socket, &watched);
}

void connection_close(struct connection *connection)
{
    close(connection->socket);
    connection->request = NULL;
}

static int would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

int connection_send(struct connection *connection)
{
    const struct request *request = connection->request;
    while (connection->sent < request->length) {
        ssize_t sent = send(connection->socket, request->bytes + connection->sent,
                            request->length - connection->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return would_block() ? 0 : -1;
        connection->sent += (size_t)sent;
    }
    return 0;
}

int connection_receive(struct connection *connection)
{
    static char bytes[65536];
    for (;;) {
        ssize_t got = recv(connection->socket, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && would_block())
            return 0;
        if (got <= 0 || connection->request == NULL) /* an answer that nobody asked for */
            return -1;
        size_t taken = answer_read(&connection->answer, bytes, (size_t)got);
        if (connection->answer.part == ANSWER_BROKEN || taken < (size_t)got)
            return -1;
        if (connection->answer.part == ANSWER_DONE)
            return 1;
    }
}
