/* dial(address, port): a connection within this machine. What the system chose for networks may hold a sender back by a clock (bbr does), and on loopback
   there is nobody to be careful of: the receiver would only wait for bytes that are here. It has to be said before the connection is made. */
#define _GNU_SOURCE
#include "addon.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Every kernel has it, and every user may take it. */
static const char UNPACED[] = "reno";

union address
{
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

/* Its size, or 0 when `text` is no address of loopback. */
static socklen_t
parse_loopback (const char *text, uint16_t port, union address *address)
{
  memset (address, 0, sizeof *address);
  if (inet_pton (AF_INET, text, &address->four.sin_addr) == 1)
    {
      address->four.sin_family = AF_INET;
      address->four.sin_port = htons (port);
      return ntohl (address->four.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET ? sizeof address->four : 0;
    }
  address->six.sin6_family = AF_INET6;
  address->six.sin6_port = htons (port);
  return inet_pton (AF_INET6, text, &address->six.sin6_addr) == 1 && IN6_IS_ADDR_LOOPBACK (&address->six.sin6_addr) ? sizeof address->six : 0;
}

/* Within this machine the other end has answered before connect(2) returns, which only has not looked yet. */
static bool
is_connected (int fd, const union address *address, socklen_t size)
{
  struct pollfd ready = { .fd = fd, .events = POLLOUT };

  return connect (fd, &address->any, size) == 0 || (errno == EINPROGRESS && poll (&ready, 1, 0) == 1 && (ready.revents & (POLLERR | POLLHUP)) == 0);
}

/* Does not block. -1 when it is not connected at once, for whatever reason: on loopback somebody who listens is. */
static int
connect_unpaced (const union address *address, socklen_t size)
{
  int fd = socket (address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

  if (fd < 0)
    return -1;
  if (setsockopt (fd, IPPROTO_TCP, TCP_CONGESTION, UNPACED, sizeof UNPACED - 1) == 0 && is_connected (fd, address, size))
    return fd;
  close (fd);
  return -1;
}

napi_value
dial (napi_env env, napi_callback_info info)
{
  napi_value arguments[2], result;
  size_t count = 2, length;
  char text[INET6_ADDRSTRLEN];
  uint32_t port;
  union address address;
  socklen_t size = 0;

  if (napi_get_cb_info (env, info, &count, arguments, NULL, NULL) == napi_ok && count == 2
      && napi_get_value_string_utf8 (env, arguments[0], text, sizeof text, &length) == napi_ok && napi_get_value_uint32 (env, arguments[1], &port) == napi_ok)
    size = parse_loopback (text, (uint16_t) port, &address);
  int fd = size == 0 ? -1 : connect_unpaced (&address, size);
  return (fd < 0 ? napi_get_undefined (env, &result) : napi_create_int32 (env, fd, &result)) == napi_ok ? result : NULL;
}
