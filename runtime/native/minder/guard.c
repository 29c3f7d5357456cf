/* strata-minder guard PID:START FILE COMMAND…: waits until FILE is removed (someone did the work: nothing to do)
   or the process has ended; then, if FILE is still there, becomes COMMAND.
   START is field 22 of /proc/PID/stat: a pid alone may name another process by now. */
#define _GNU_SOURCE
#include "common.h"
#include "minder.h"
#include "processes.h"
#include <errno.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

static void
wait_for (int process, const char *file)
{
  AUTO_CLOSE int watch = inotify_init1 (IN_CLOEXEC);

  if (watch < 0 || inotify_add_watch (watch, file, IN_DELETE_SELF | IN_ATTRIB) < 0)
    return; /* gone already */
  struct pollfd either[] = { { .fd = process, .events = POLLIN }, { .fd = watch, .events = POLLIN } };
  while (access (file, F_OK) == 0)
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
  if (argc < 4)
    return 2;
  AUTO_CLOSE int process = process_open (argv[1]);

  if (process >= 0)
    wait_for (process, argv[2]);
  if (access (argv[2], F_OK) < 0)
    return 0;
  execv (argv[3], argv + 3);
  die ("guard: exec", argv[3]);
}
