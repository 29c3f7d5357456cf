/* Datagrams: each sender has a socket of its own towards the container, so that answers find their way back; it is forgotten when both are silent. */
#define _GNU_SOURCE
#include "flow.h"
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum
{
  SILENT_SECONDS = 90, /* docker's */
  MAX_DATAGRAM = 65535
};

typedef struct
{
  int fd;
  const Port *port;
  struct sockaddr_in6 sender;
  time_t heard;
} Peer;

static Peer peers[MAX_PEERS];
static size_t peer_count;
static char bytes[MAX_DATAGRAM];

static time_t
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

static void
peer_forget (size_t index)
{
  close (peers[index].fd);
  peers[index] = peers[--peer_count];
}

/* A new one takes the place of the one that was silent for longest when there are too many. */
static Peer *
peer_of (const Port *port, const struct sockaddr_in6 *sender)
{
  size_t oldest = 0;

  for (size_t i = 0; i < peer_count; i++)
    {
      if (peers[i].port == port && memcmp (&peers[i].sender.sin6_addr, &sender->sin6_addr, sizeof sender->sin6_addr) == 0
          && peers[i].sender.sin6_port == sender->sin6_port)
        return &peers[i];
      if (peers[i].heard < peers[oldest].heard)
        oldest = i;
    }
  int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect (fd, (const struct sockaddr *) &port->target, sizeof port->target) < 0)
    {
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  if (peer_count == MAX_PEERS)
    peer_forget (oldest);
  peers[peer_count] = (Peer) { .fd = fd, .port = port, .sender = *sender };
  return &peers[peer_count++];
}

void
datagram_receive (const Port *port)
{
  struct sockaddr_in6 sender;
  socklen_t length = sizeof sender;
  ssize_t size = recvfrom (port->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *) &sender, &length);
  Peer *peer = size < 0 ? NULL : peer_of (port, &sender);

  if (peer == NULL)
    return;
  peer->heard = now ();
  send (peer->fd, bytes, (size_t) size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

size_t
datagrams_poll (struct pollfd *polled)
{
  time_t silent = now () - SILENT_SECONDS;

  for (size_t i = peer_count; i-- > 0;)
    if (peers[i].heard < silent)
      peer_forget (i);
  for (size_t i = 0; i < peer_count; i++)
    polled[i] = (struct pollfd) { .fd = peers[i].fd, .events = POLLIN };
  return peer_count;
}

/* Before any is added or forgotten: places are those of the poll. */
void
datagrams_turn (const struct pollfd *polled, size_t count)
{
  for (size_t i = 0; i < count; i++)
    {
      ssize_t size = polled[i].revents == 0 ? -1 : recv (peers[i].fd, bytes, sizeof bytes, MSG_DONTWAIT);
      if (size < 0)
        continue; /* an error that came for it is taken, too */
      peers[i].heard = now ();
      sendto (peers[i].port->fd, bytes, (size_t) size, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *) &peers[i].sender, sizeof peers[i].sender);
    }
}
