/* strata-minder pulse PID:START INTERVAL START-INTERVAL START-PERIOD COMMAND…: runs COMMAND again and again until the process has ended.
   Times are milliseconds, each counted from the end of the run before. START-INTERVAL holds in the START-PERIOD, as long as COMMAND
   ends with 3: what it checks has not come up yet. */
#define _GNU_SOURCE
#include "common.h"
#include "minder.h"
#include "processes.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum
{
  STILL_STARTING = 3,
};

static long long
milliseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Whether the process ended before the time was over. */
static bool
ends_within (int process, long long time)
{
  struct pollfd watched = { .fd = process, .events = POLLIN };
  long long until = milliseconds () + time, left;

  while ((left = until - milliseconds ()) > 0)
    if (poll (&watched, 1, left < INT_MAX ? (int) left : INT_MAX) > 0)
      return true;
  return false;
}

static int
run (char **command)
{
  int status = 0;
  pid_t child = fork ();

  if (child == 0)
    {
      execv (command[0], command);
      _exit (127);
    }
  while (child > 0 && waitpid (child, &status, 0) < 0 && errno == EINTR)
    continue;
  return child > 0 && WIFEXITED (status) ? WEXITSTATUS (status) : 0;
}

int
pulse_main (int argc, char **argv)
{
  if (argc < 6)
    return 2;
  AUTO_CLOSE int process = process_open (argv[1]);
  long long interval = atoll (argv[2]), first = atoll (argv[3]), period = atoll (argv[4]), begin = milliseconds ();
  bool starting = true;

  while (process >= 0)
    {
      bool early = starting && milliseconds () - begin < period;
      if (ends_within (process, early ? first : interval))
        break;
      starting = run (argv + 5) == STILL_STARTING;
    }
  return 0;
}
