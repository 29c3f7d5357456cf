/* strata-loopback: published ports on [::1], for which the kernel has no route_localnet. */
#pragma once
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

enum
{
  MAX_PORTS = 2 * 65535,
  MAX_STREAMS = 4096, /* connections at once; further ones wait to be accepted */
  MAX_PEERS = 256,    /* senders of datagrams that are remembered at once */
};

/* One published port. */
typedef struct
{
  int fd;
  bool is_stream;
  struct sockaddr_in target;
} Port;

/* Each of these adds what it waits for at `polled`, of which there is room for 2 * MAX_STREAMS or MAX_PEERS, and says how many. */
size_t streams_poll (struct pollfd *polled);
void streams_turn (const struct pollfd *polled, size_t count);
void streams_limit (size_t count);
bool streams_full (void);
/* 1 when there may be more, 0 when there is none, -1 where no descriptor is left for one: it waits then. */
int stream_accept (const Port *port);

size_t datagrams_poll (struct pollfd *polled);
void datagrams_turn (const struct pollfd *polled, size_t count);
void datagram_receive (const Port *port);
