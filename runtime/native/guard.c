/* strata-helper guard PID:START FILE COMMAND…: waits until FILE is removed (someone did the work: nothing to do)
   or the process has ended; then, if FILE is still there, becomes COMMAND.
   START is field 22 of /proc/PID/stat: a pid alone may name another process by now. */
#define _GNU_SOURCE
#include "helper.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Field 22 of /proc/PID/stat, or 0; field 2 may hold spaces and brackets, so count from its last bracket. */
static unsigned long long
start_time (int pid)
{
  char path[64], text[1024];
  unsigned long long start = 0;

  snprintf (path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen (path, "re");
  if (file == NULL)
    return 0;
  size_t length = fread (text, 1, sizeof text - 1, file);
  fclose (file);
  text[length] = '\0';
  const char *rest = strrchr (text, ')');
  if (rest != NULL)
    sscanf (rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &start);
  return start;
}

/* A pidfd of the very process, or -1. */
static int
open_process (const char *name)
{
  int pid = 0;
  unsigned long long start = 0;

  if (sscanf (name, "%d:%llu", &pid, &start) != 2 || pid <= 0)
    return -1;
  int process = (int) syscall (SYS_pidfd_open, pid, 0);
  if (process >= 0 && start_time (pid) != start)
    {
      close (process);
      return -1;
    }
  return process;
}

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
  AUTO_CLOSE int process = open_process (argv[1]);

  if (process >= 0)
    wait_for (process, argv[2]);
  if (access (argv[2], F_OK) < 0)
    return 0;
  execv (argv[3], argv + 3);
  die ("guard: exec", argv[3]);
}
