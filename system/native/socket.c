/* Local sockets that never wait: unix(7). What fails gives -errno. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum
{
  BACKLOG = 4096, /* the kernel makes it less where it is told to */
};

/* A path, or a name of the abstract namespace, which begins with NUL and has no NUL after it. False when it is too long. */
static bool
address_of (napi_env env, napi_value value, struct sockaddr_un *address, socklen_t *size)
{
  size_t length;
  char *name = text_of (env, value, &length);

  if (name == NULL)
    return false;
  bool fits = length > 0 && length < sizeof address->sun_path;
  if (fits)
    {
      *address = (struct sockaddr_un) { .sun_family = AF_UNIX };
      memcpy (address->sun_path, name, length);
      *size = (socklen_t) (offsetof (struct sockaddr_un, sun_path) + length + (name[0] == '\0' ? 0 : 1));
    }
  else
    refuse (env, "a socket's name has 1 to 107 bytes");
  free (name);
  return fits;
}

static int
closed (int fd)
{
  int error = errno;

  close (fd);
  errno = error;
  return -1;
}

static bool
begin_connecting (int fd, const struct sockaddr_un *address, socklen_t size)
{
  return connect (fd, (const struct sockaddr *) address, size) == 0;
}

static bool
begin_listening (int fd, const struct sockaddr_un *address, socklen_t size)
{
  return bind (fd, (const struct sockaddr *) address, size) == 0 && listen (fd, BACKLOG) == 0;
}

static napi_value
open_local (napi_env env, napi_callback_info info, bool (*begin) (int, const struct sockaddr_un *, socklen_t))
{
  napi_value arguments[1];
  struct sockaddr_un address;
  socklen_t size;

  if (!arguments_of (env, info, 1, arguments) || !address_of (env, arguments[0], &address, &size))
    return NULL;
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && !begin (fd, &address, size))
    fd = closed (fd);
  return result_of (env, fd);
}

/* connectLocal(name): a descriptor. EAGAIN: so many wait there already. */
static napi_value
connect_local (napi_env env, napi_callback_info info)
{
  return open_local (env, info, begin_connecting);
}

/* listenLocal(name): a descriptor. EADDRINUSE: another does. */
static napi_value
listen_local (napi_env env, napi_callback_info info)
{
  return open_local (env, info, begin_listening);
}

/* socketPair(ends): the first end never waits and is put into ends[0]; the other one is for a program. */
static napi_value
socket_pair (napi_env env, napi_callback_info info)
{
  napi_value arguments[1];
  unsigned char *bytes;
  size_t length;
  int ends[2];

  if (!arguments_of (env, info, 1, arguments) || !bytes_of (env, arguments[0], &bytes, &length))
    return NULL;
  if (length != 2)
    return refuse (env, "socketPair takes an Int32Array of 2");
  int result = socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
  if (result == 0 && fcntl (ends[0], F_SETFL, O_NONBLOCK) < 0)
    {
      result = closed (ends[0]);
      closed (ends[1]);
    }
  if (result == 0)
    memcpy (bytes, ends, sizeof ends);
  return result_of (env, result);
}

static napi_value
move (napi_env env, napi_callback_info info, bool out)
{
  napi_value arguments[3];
  unsigned char *bytes;
  size_t length;
  int32_t fd, from;
  ssize_t moved;

  if (!arguments_of (env, info, 3, arguments) || !int_of (env, arguments[0], &fd) || !bytes_of (env, arguments[1], &bytes, &length)
      || !int_of (env, arguments[2], &from))
    return NULL;
  if (from < 0 || (size_t) from > length)
    return refuse (env, "the place is outside of the array");
  if (length - (size_t) from > INT32_MAX)
    length = (size_t) from + INT32_MAX;
  do
    moved = out ? send (fd, bytes + from, length - (size_t) from, MSG_NOSIGNAL) : read (fd, bytes + from, length - (size_t) from);
  while (moved < 0 && errno == EINTR);
  return result_of (env, (int) moved);
}

/* receive(fd, bytes, from): how many came to bytes[from]; 0 at the end. */
static napi_value
receive_bytes (napi_env env, napi_callback_info info)
{
  return move (env, info, false);
}

/* send(fd, bytes, from): how many went. */
static napi_value
send_bytes (napi_env env, napi_callback_info info)
{
  return move (env, info, true);
}

/* endSending(fd): whoever reads there sees the end. */
static napi_value
end_sending (napi_env env, napi_callback_info info)
{
  napi_value arguments[1];
  int32_t fd;

  if (!arguments_of (env, info, 1, arguments) || !int_of (env, arguments[0], &fd))
    return NULL;
  return result_of (env, shutdown (fd, SHUT_WR));
}

const struct part socket_parts[] = {
  { "connectLocal", connect_local }, { "listenLocal", listen_local }, { "socketPair", socket_pair }, { "receive", receive_bytes },
  { "send", send_bytes },            { "endSending", end_sending },   { 0 },
};
