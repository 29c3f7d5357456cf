/* strata-minder guard PID:START FILE INODE COMMAND…: waits until FILE is removed (someone did the work: nothing to do)
   or the process has ended; then, if FILE is still there, becomes COMMAND. Another file of that name, with another INODE, is somebody else's.
   START is field 22 of /proc/PID/stat: a pid alone may name another process by now. */
#define _GNU_SOURCE
#include "common.h"
#include "minder.h"
#include "processes.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
is_there (int file)
{
  struct stat status;

  return fstat (file, &status) == 0 && status.st_nlink > 0;
}

static void
wait_for (int process, const char *name, int file)
{
  AUTO_CLOSE int watch = inotify_init1 (IN_CLOEXEC);

  if (watch < 0 || inotify_add_watch (watch, name, IN_DELETE_SELF | IN_ATTRIB) < 0)
    return; /* gone already */
  struct pollfd either[] = { { .fd = process, .events = POLLIN }, { .fd = watch, .events = POLLIN } };
  while (is_there (file))
    {
      char events[4096];
      if (poll (either, 2, -1) < 0 && errno != EINTR)
        return;
      if (either[0].revents != 0)
        return;
      if (either[1].revents != 0 && read (watch, events, sizeof events) < 0)
        return;
    }
}

int
guard_main (int argc, char **argv)
{
  struct stat status;

  if (argc < 5)
    return 2;
  AUTO_CLOSE int process = process_open (argv[1]);
  AUTO_CLOSE int file = open (argv[2], O_PATH | O_CLOEXEC);

  if (file < 0 || fstat (file, &status) < 0 || status.st_ino != strtoull (argv[3], NULL, 10))
    return 0;
  if (process >= 0)
    wait_for (process, argv[2], file);
  if (!is_there (file))
    return 0;
  execv (argv[4], argv + 4);
  die ("guard: exec", argv[4]);
}
