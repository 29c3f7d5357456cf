/* Frames to whoever asked for a launch, and to attached clients. */
#define _GNU_SOURCE
#include "launch.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool
send_frame (int fd, enum frame type, const void *data, uint32_t size)
{
  unsigned char header[5] = { type };
  struct iovec parts[2] = { { header, sizeof header }, { (void *) data, size } };
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

  memcpy (header + 1, &size, sizeof size);
  return TEMP_FAILURE_RETRY (sendmsg (fd, &message, MSG_NOSIGNAL)) == (ssize_t) (sizeof header + size);
}
