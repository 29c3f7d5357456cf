/* Questions about other names go to the servers of the configuration, one after another, each with two seconds to answer. */
#define _GNU_SOURCE
#include "forward.h"
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PORT 53
#define PATIENCE_MS 2000
#define MAX_QUERY 1024

typedef struct
{
  bool used;
  int fd; /* towards `servers[next - 1]` */
  int next;
  long deadline;
  struct sockaddr_in client;
  size_t size;
  uint8_t query[MAX_QUERY];
  int server_count;
  char servers[MAX_SERVERS][64];
} Forwarded;

static Forwarded forwarded[MAX_FORWARDED];

static long
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A socket that is connected to the server, or -1. */
static int
open_server (const char *address, int type)
{
  struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons (PORT) };
  struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons (PORT) };
  bool is_four = inet_pton (AF_INET, address, &four.sin_addr) == 1;

  if (!is_four && inet_pton (AF_INET6, address, &six.sin6_addr) != 1)
    return -1;
  int fd = socket (is_four ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0);
  struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
  if (fd < 0)
    return -1;
  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect (fd, is_four ? (struct sockaddr *) &four : (struct sockaddr *) &six, is_four ? sizeof four : sizeof six) == 0)
    return fd;
  close (fd);
  return -1;
}

/* False when there is no further server. */
static bool
ask_next (Forwarded *one)
{
  if (one->fd >= 0)
    close (one->fd);
  one->fd = -1;
  while (one->next < one->server_count)
    {
      one->fd = open_server (one->servers[one->next++], SOCK_DGRAM);
      if (one->fd < 0)
        continue;
      one->deadline = now () + PATIENCE_MS;
      if (send (one->fd, one->query, one->size, 0) == (ssize_t) one->size)
        return true;
      close (one->fd);
      one->fd = -1;
    }
  return false;
}

bool
forward_datagram (const Config *config, const uint8_t *query, size_t size, const struct sockaddr_in *client)
{
  for (Forwarded *one = forwarded; one < forwarded + MAX_FORWARDED; one++)
    {
      if (one->used)
        continue;
      if (size > MAX_QUERY)
        return false;
      *one = (Forwarded) { .fd = -1, .client = *client, .size = size, .server_count = config->server_count };
      memcpy (one->query, query, size);
      memcpy (one->servers, config->servers, sizeof one->servers);
      one->used = ask_next (one);
      return one->used;
    }
  return false;
}

int
forward_poll (struct pollfd *polled)
{
  long earliest = -1, moment = now ();

  for (int i = 0; i < MAX_FORWARDED; i++)
    {
      polled[i] = (struct pollfd) { .fd = forwarded[i].used ? forwarded[i].fd : -1, .events = POLLIN };
      if (forwarded[i].used && (earliest < 0 || forwarded[i].deadline < earliest))
        earliest = forwarded[i].deadline;
    }
  return earliest < 0 ? -1 : earliest <= moment ? 0 : (int) (earliest - moment);
}

static void
finish (Forwarded *one, int datagrams, const uint8_t *reply, size_t size)
{
  if (size > 0)
    sendto (datagrams, reply, size, 0, (struct sockaddr *) &one->client, sizeof one->client);
  if (one->fd >= 0)
    close (one->fd);
  one->used = false;
}

void
forward_turn (const struct pollfd *polled, int datagrams)
{
  static uint8_t reply[MAX_MESSAGE];

  for (int i = 0; i < MAX_FORWARDED; i++)
    {
      Forwarded *one = forwarded + i;
      if (!one->used || polled[i].fd != one->fd)
        continue;
      bool failed = false;
      if (polled[i].revents != 0)
        {
          ssize_t size = recv (one->fd, reply, sizeof reply, MSG_DONTWAIT);
          if (size >= 12 && memcmp (reply, one->query, 2) == 0)
            {
              finish (one, datagrams, reply, (size_t) size);
              continue;
            }
          failed = size < 0; /* nobody listens there */
        }
      if ((failed || now () >= one->deadline) && !ask_next (one))
        finish (one, datagrams, reply, answer_failure (one->query, one->size, reply));
    }
}

static bool
read_whole (int fd, uint8_t *data, size_t size)
{
  while (size > 0)
    {
      ssize_t got = read (fd, data, size);
      if (got <= 0)
        return false;
      data += got;
      size -= (size_t) got;
    }
  return true;
}

static bool
write_whole (int fd, const uint8_t *data, size_t size)
{
  while (size > 0)
    {
      ssize_t put = write (fd, data, size);
      if (put <= 0)
        return false;
      data += put;
      size -= (size_t) put;
    }
  return true;
}

/* Two bytes of length before each message. */
static size_t
read_message (int fd, uint8_t *message)
{
  uint8_t length[2];

  if (!read_whole (fd, length, 2))
    return 0;
  size_t size = (size_t) length[0] << 8 | length[1];
  return size > 0 && read_whole (fd, message, size) ? size : 0;
}

static bool
write_message (int fd, const uint8_t *message, size_t size)
{
  const uint8_t length[2] = { (uint8_t) (size >> 8), (uint8_t) size };

  return write_whole (fd, length, 2) && write_whole (fd, message, size);
}

static size_t
ask_by_stream (const Config *config, const uint8_t *query, size_t size, uint8_t *reply)
{
  for (int i = 0; i < config->server_count; i++)
    {
      int fd = open_server (config->servers[i], SOCK_STREAM);
      size_t got = fd >= 0 && write_message (fd, query, size) ? read_message (fd, reply) : 0;
      if (fd >= 0)
        close (fd);
      if (got > 0)
        return got;
    }
  return answer_failure (query, size, reply);
}

void
serve_connection (int fd, const char *path)
{
  static uint8_t query[MAX_MESSAGE], reply[MAX_MESSAGE];
  struct timeval patience = { .tv_sec = 10 };
  Config config;

  setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  for (size_t size; (size = read_message (fd, query)) > 0;)
    {
      if (!read_config (path, &config))
        return;
      size_t done = answer_locally (&config, query, size, reply);
      if (done == 0)
        done = ask_by_stream (&config, query, size, reply);
      if (done == 0 || !write_message (fd, reply, done))
        return;
    }
}
