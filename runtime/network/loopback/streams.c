/* Connections: bytes of either side are carried to the other until both have ended. Only what a side does not take at once is kept. */
#define _GNU_SOURCE
#include "flow.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum
{
  CHUNK_BYTES = 32 << 10
};

static char chunk[CHUNK_BYTES];

/* The analyzer loses sight of what a way keeps, which stream_close frees. */
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"

/* What one side sent and the other has not taken yet. */
typedef struct
{
  char *bytes;
  size_t at, size;
  bool has_ended, is_told; /* the sender will send no more; the receiver knows */
} Way;

typedef struct
{
  int sides[2]; /* who connected, and the container */
  bool is_connecting;
  Way ways[2]; /* from that side */
} Stream;

static Stream *streams[MAX_STREAMS];
static size_t stream_count;
static struct
{
  size_t stream;
  int side;
} places[2 * MAX_STREAMS];

static size_t most = MAX_STREAMS;

void
streams_limit (size_t count)
{
  most = count < MAX_STREAMS ? count : MAX_STREAMS;
}

bool
streams_full (void)
{
  return stream_count >= most;
}

/* An end that says so: whoever connected sees it refused or cut off, as it would without us. */
static void
stream_close (size_t index, bool is_cut)
{
  Stream *stream = streams[index];
  struct linger cut = { .l_onoff = 1 };

  for (int side = 0; side < 2; side++)
    {
      if (is_cut)
        setsockopt (stream->sides[side], SOL_SOCKET, SO_LINGER, &cut, sizeof cut);
      close (stream->sides[side]);
      free (stream->ways[side].bytes);
    }
  free (stream);
  streams[index] = streams[--stream_count];
}

/* Nobody is taken in before there is all that is needed. */
int
stream_accept (const Port *port)
{
  if (streams_full ())
    return 0;
  int to = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  Stream *stream = to < 0 ? NULL : calloc (1, sizeof *stream);
  int from = stream == NULL ? -1 : accept4 (port->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  int failure = errno;
  if (from < 0)
    {
      if (to >= 0)
        close (to);
      free (stream);
      return failure == ECONNABORTED ? 1 : failure == EAGAIN ? 0 : -1;
    }
  *stream = (Stream) { .sides = { from, to }, .is_connecting = true };
  streams[stream_count++] = stream;
  if (connect (to, (const struct sockaddr *) &port->target, sizeof port->target) < 0 && errno != EINPROGRESS)
    stream_close (stream_count - 1, true);
  return 1;
}

/* What is to be known of one side: that it can take what the other sent, or that it has sent something. */
static short
events_of (const Stream *stream, int side)
{
  const Way *out = &stream->ways[side], *in = &stream->ways[1 - side];

  if (stream->is_connecting)
    return side == 1 ? POLLOUT : 0;
  return (short) ((out->size == 0 && !out->has_ended ? POLLIN : 0) | (in->size > 0 ? POLLOUT : 0));
}

size_t
streams_poll (struct pollfd *polled)
{
  size_t count = 0;

  for (size_t index = 0; index < stream_count; index++)
    for (int side = 0; side < 2; side++)
      {
        short events = events_of (streams[index], side);
        if (events == 0)
          continue; /* an end that nothing can be done about yet would be told again and again */
        places[count].stream = index;
        places[count].side = side;
        polled[count++] = (struct pollfd) { .fd = streams[index]->sides[side], .events = events };
      }
  return count;
}

/* How many were taken: 0 when none can be now, -1 when the connection has failed. */
static ssize_t
give (int fd, const char *bytes, size_t size)
{
  ssize_t n = send (fd, bytes, size, MSG_NOSIGNAL);

  return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static bool
way_keep (Way *way, const char *bytes, size_t size)
{
  char *kept = malloc (size);

  if (kept == NULL)
    return false;
  *way = (Way) { .bytes = memcpy (kept, bytes, size), .size = size };
  return true;
}

/* False when the connection has failed. */
static bool
way_fill (const Stream *stream, int from, Way *way)
{
  ssize_t n = recv (stream->sides[from], chunk, sizeof chunk, 0);

  if (n <= 0)
    {
      way->has_ended = n == 0;
      return n == 0 || errno == EAGAIN || errno == EINTR;
    }
  ssize_t taken = give (stream->sides[1 - from], chunk, (size_t) n);
  if (taken < 0 || taken == n)
    return taken == n;
  return way_keep (way, chunk + taken, (size_t) (n - taken));
}

static bool
way_drain (const Stream *stream, int from, Way *way)
{
  ssize_t n = give (stream->sides[1 - from], way->bytes + way->at, way->size);

  if (n < 0)
    return false;
  way->at += (size_t) n;
  way->size -= (size_t) n;
  if (way->size == 0)
    {
      free (way->bytes);
      way->bytes = NULL;
    }
  return true;
}

/* False when the connection has failed. */
static bool
way_turn (const Stream *stream, int from, Way *way)
{
  if (way->size > 0 ? !way_drain (stream, from, way) : !way->has_ended && !way_fill (stream, from, way))
    return false;
  if (way->size == 0 && way->has_ended && !way->is_told)
    {
      shutdown (stream->sides[1 - from], SHUT_WR);
      way->is_told = true;
    }
  return true;
}

/* False when nothing more is to be carried. */
static bool
stream_turn (Stream *stream, bool *is_cut)
{
  if (stream->is_connecting)
    {
      int failure = 0;
      socklen_t size = sizeof failure;
      *is_cut = getsockopt (stream->sides[1], SOL_SOCKET, SO_ERROR, &failure, &size) < 0 || failure != 0;
      stream->is_connecting = false;
      if (*is_cut)
        return false;
    }
  *is_cut = !way_turn (stream, 0, &stream->ways[0]) || !way_turn (stream, 1, &stream->ways[1]);
  return !*is_cut && !(stream->ways[0].is_told && stream->ways[1].is_told);
}

void
streams_turn (const struct pollfd *polled, size_t count)
{
  bool is_cut = false;

  /* From the last: closing one moves the last into its place, which had its turn then. */
  for (size_t at = count; at-- > 0;)
    {
      bool is_done = places[at].stream >= stream_count || streams[places[at].stream]->sides[places[at].side] != polled[at].fd;
      if (polled[at].revents != 0 && !is_done && !stream_turn (streams[places[at].stream], &is_cut))
        stream_close (places[at].stream, is_cut);
    }
}
