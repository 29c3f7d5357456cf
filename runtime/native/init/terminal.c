/* The pty of a container: made from its own devpts, its master sent to the monitor. */
#define _GNU_SOURCE
#include "common.h"
#include "launch.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

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
    die_of (ENODEV, "terminal", "/dev/pts/ptmx");
  if (ioctl (master, TIOCSPTLCK, &unlock) < 0 || (width > 0 && ioctl (master, TIOCSWINSZ, &window) < 0))
    die ("terminal", "/dev/pts/ptmx");
  int slave = ioctl (master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0)
    die ("terminal", "slave");
  if (!channel_send (launch->channel, &(char) { MESSAGE_TERMINAL }, 1, master))
    die ("terminal", "send");
  return slave;
}
