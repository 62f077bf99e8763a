/* Asks an HTTP/1.1 server on 127.0.0.1 for a while and prints what became of it as JSON.
 *
 * Closed loop: every connection asks again when it is answered; answers of the window count.
 * Open loop (--rate): requests fall due at fixed times whatever the answers take; those that fall
 * due in the window count, their latency begins when they were due, and a request that finds every
 * connection busy waits for one. */
#define _GNU_SOURCE
#include "connection.h"
#include "options.h"
#include "tally.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

enum { EVENTS = 256, SECOND = 1000000000 };

struct load {
    struct options options;
    struct requests requests;
    struct tally tally;
    struct connection *connections;
    struct connection **idle;
    unsigned idle_count;
    int epoll;
    uint64_t start, begin, end, deadline; /* ns; the window is [begin, end) */
    uint64_t issued;
};

static uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static int within(const struct load *load, uint64_t moment)
{
    return moment >= load->begin && moment < load->end;
}

/* When the next request of an open loop is to be sent. */
static uint64_t next_due(const struct load *load)
{
    return load->start + (uint64_t)((double)load->issued * SECOND / load->options.rate);
}

static int more_due(const struct load *load)
{
    return load->options.rate > 0 && next_due(load) < load->end;
}

static void reopen(struct load *load, struct connection *connection)
{
    connection_close(connection);
    if (connection_open(connection, load->options.port, load->epoll) < 0)
        fail("connect");
}

static void lost(struct load *load, struct connection *connection)
{
    if (connection->request != NULL) {
        load->tally.disconnected++;
        load->idle[load->idle_count++] = connection;
    }
    reopen(load, connection);
}

static void issue(struct load *load, uint64_t due)
{
    struct connection *connection = load->idle[--load->idle_count];
    load->issued++;
    connection->request = requests_next(&load->requests);
    connection->sent = 0;
    connection->due = due;
    answer_begin(&connection->answer);
    if (connection_send(connection) < 0)
        lost(load, connection);
}

static void issue_what_is_due(struct load *load, uint64_t now)
{
    if (load->options.rate > 0) {
        while (load->idle_count > 0 && more_due(load) && next_due(load) <= now)
            issue(load, next_due(load));
        return;
    }
    /* One try for each that is idle: a server that hangs up at once must not hold us here. */
    for (unsigned tries = load->idle_count; tries > 0 && now < load->end; tries--)
        issue(load, now);
}

static void take_answer(struct load *load, struct connection *connection, uint64_t now)
{
    uint64_t counted_by = load->options.rate > 0 ? connection->due : now;
    tally_answer(&load->tally, &connection->answer, now - connection->due,
                 within(load, counted_by), &load->options);
    connection->request = NULL;
    load->idle[load->idle_count++] = connection;
    if (connection->answer.closes)
        reopen(load, connection);
}

static void attend(struct load *load, const struct epoll_event *event)
{
    struct connection *connection = event->data.ptr;
    int got = 0;
    if ((event->events & EPOLLOUT) && connection->request != NULL)
        got = connection_send(connection);
    if (got == 0 && (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
        got = connection_receive(connection);
    if (got > 0) {
        uint64_t now = now_ns();
        take_answer(load, connection, now);
        issue_what_is_due(load, now); /* at once: answers of one moment make no burst of requests */
    }
    if (got < 0)
        lost(load, connection);
}

/* How long there is nothing to do unless an answer comes. */
static uint64_t spare(const struct load *load, uint64_t now)
{
    uint64_t until = now < load->end ? load->end : load->deadline;
    if (load->idle_count > 0 && more_due(load) && next_due(load) < until)
        until = next_due(load);
    return until > now ? until - now : 0;
}

static int finished(const struct load *load, uint64_t now)
{
    int all_idle = load->idle_count == load->options.connections;
    return now >= load->deadline || (now >= load->end && all_idle && !more_due(load));
}

static void run(struct load *load)
{
    struct epoll_event events[EVENTS];
    uint64_t now = now_ns();
    while (!finished(load, now)) {
        issue_what_is_due(load, now);
        uint64_t wait = spare(load, now);
        struct timespec timeout = {(time_t)(wait / SECOND), (long)(wait % SECOND)};
        int count = epoll_pwait2(load->epoll, events, EVENTS, &timeout, NULL);
        if (count < 0 && errno != EINTR)
            fail("epoll");
        for (int i = 0; i < count; i++)
            attend(load, &events[i]);
        now = now_ns();
    }
}

/* Requests of the window that never got an answer count with the time they have waited. */
static void count_unanswered(struct load *load, uint64_t now)
{
    for (unsigned i = 0; i < load->options.connections; i++) {
        const struct connection *connection = &load->connections[i];
        if (connection->request == NULL || !within(load, connection->due))
            continue;
        load->tally.unanswered++;
        histogram_add(&load->tally.latencies, now - connection->due);
    }
    for (; more_due(load); load->issued++) {
        if (!within(load, next_due(load)))
            continue;
        load->tally.unanswered++;
        histogram_add(&load->tally.latencies, now - next_due(load));
    }
}

static void set_up(struct load *load)
{
    unsigned count = load->options.connections;
    load->connections = calloc(count, sizeof *load->connections);
    load->idle = calloc(count, sizeof *load->idle);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->connections == NULL || load->idle == NULL || load->epoll < 0)
        fail("set up");
    if (requests_read(&load->requests, load->options.requests) < 0)
        fail(load->options.requests);
    for (unsigned i = 0; i < count; i++) {
        if (connection_open(&load->connections[i], load->options.port, load->epoll) < 0)
            fail("connect");
        load->idle[load->idle_count++] = &load->connections[i];
    }
    load->start = now_ns();
    load->begin = load->start + (uint64_t)(load->options.warm_up * SECOND);
    load->end = load->begin + (uint64_t)(load->options.seconds * SECOND);
    load->deadline = load->end + (uint64_t)(load->options.drain * SECOND);
}

static double cpu_seconds(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

int main(int count, char **arguments)
{
    static struct load load;
    load.options = options_read(count, arguments);
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); /* ns: requests are sent when they are due */
    set_up(&load);
    run(&load);
    uint64_t now = now_ns();
    count_unanswered(&load, now);
    tally_print(&load.tally, &load.options, (double)(now - load.start) / SECOND, cpu_seconds());
    return 0;
}
