/* Messages between the two sides of a launch, with a descriptor along when needed. */
#define _GNU_SOURCE
#include "common.h"
#include "launch.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

size_t
failure_text (char *text, size_t size, const char *step, const char *object, const char *reason)
{
  size_t rest = strlen (step) + strlen (reason) + sizeof "\0\0";
  int most = rest < size ? size - rest : 0;

  return snprintf (text, size, "%s%c%.*s%c%s", step, 0, most, object, 0, reason) + 1;
}

bool
channel_send (int channel, const void *data, size_t size, int fd)
{
  struct iovec part = { .iov_base = (void *) data, .iov_len = size };
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { .header = { .cmsg_len = CMSG_LEN (sizeof (int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

  if (fd >= 0)
    {
      message.msg_control = &control;
      message.msg_controllen = sizeof control;
      memcpy (CMSG_DATA (&control.header), &fd, sizeof fd);
    }
  return TEMP_FAILURE_RETRY (sendmsg (channel, &message, MSG_NOSIGNAL)) == (ssize_t) size;
}

/* `*fd` changes only when a descriptor came. A side that ended with messages unread resets the channel first;
   what it had sent is still there after that. */
ssize_t
channel_receive (int channel, void *data, size_t size, int flags, int *fd)
{
  struct iovec part = { .iov_base = data, .iov_len = size };
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control;
  struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  ssize_t length;

  do
    length = recvmsg (channel, &message, flags | MSG_CMSG_CLOEXEC);
  while (length < 0 && (errno == EINTR || errno == ECONNRESET));
  struct cmsghdr *header = length < 0 ? NULL : CMSG_FIRSTHDR (&message);
  if (header != NULL && header->cmsg_type == SCM_RIGHTS)
    memcpy (fd, CMSG_DATA (header), sizeof *fd);
  return length;
}
