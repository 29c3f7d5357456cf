/* The pty of a container: made from its own devpts, its master sent to the monitor. */
#define _GNU_SOURCE
#include "helper.h"
#include "launch.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static void
send_master (int channel, int master)
{
  char letter = MESSAGE_TERMINAL;
  struct iovec data = { .iov_base = &letter, .iov_len = 1 };
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control = { .header = { .cmsg_len = CMSG_LEN (sizeof (int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
  struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };

  memcpy (CMSG_DATA (&control.header), &master, sizeof master);
  if (sendmsg (channel, &message, MSG_NOSIGNAL) < 0)
    die ("terminal", "send");
}

int
terminal_receive (int channel, char *message, size_t size, int *fd)
{
  struct iovec data = { .iov_base = message, .iov_len = size };
  union
  {
    struct cmsghdr header;
    char space[CMSG_SPACE (sizeof (int))];
  } control;
  struct msghdr got = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
  ssize_t length = TEMP_FAILURE_RETRY (recvmsg (channel, &got, MSG_CMSG_CLOEXEC));

  struct cmsghdr *header = length < 0 ? NULL : CMSG_FIRSTHDR (&got);
  if (header != NULL && header->cmsg_type == SCM_RIGHTS)
    memcpy (fd, CMSG_DATA (header), sizeof *fd);
  return length;
}

/* The slave by TIOCGPTPEER, never by a path that the image may have prepared. Returns the slave. */
int
terminal_open (Launch *launch, unsigned width, unsigned height)
{
  struct winsize window = { .ws_row = height, .ws_col = width };
  struct statfs filesystem;
  int unlock = 0;
  AUTO_CLOSE int master = open ("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);

  if (master < 0 || fstatfs (master, &filesystem) < 0)
    die ("terminal", "/dev/pts/ptmx");
  if (filesystem.f_type != DEVPTS_SUPER_MAGIC)
    {
      errno = ENODEV;
      die ("terminal", "/dev/pts/ptmx");
    }
  if (ioctl (master, TIOCSPTLCK, &unlock) < 0 || (width > 0 && ioctl (master, TIOCSWINSZ, &window) < 0))
    die ("terminal", "/dev/pts/ptmx");
  int slave = ioctl (master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0)
    die ("terminal", "slave");
  send_master (launch->channel, master);
  return slave;
}
