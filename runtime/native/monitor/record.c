/* Small files in the state folder: who runs, how it ended. */
#define _GNU_SOURCE
#include "common.h"
#include "launch.h"
#include "processes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Whole or absent: written beside, then renamed. */
void
record_write (int directory, const char *name, const char *text)
{
  char beside[64];

  if (directory < 0)
    return;
  snprintf (beside, sizeof beside, "%s.new", name);
  AUTO_CLOSE int fd = openat (directory, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  size_t size = strlen (text);
  if (fd < 0 || write (fd, text, size) != (ssize_t) size || renameat (directory, beside, directory, name) < 0)
    die ("record", name);
}

void
record_pids (Launch *launch, char *text, size_t size)
{
  pid_t monitor = launch->leave ? 0 : getpid ();

  snprintf (text, size, "{\"pid\":%d,\"startTime\":%llu,\"monitor\":%d,\"monitorStartTime\":%llu}", launch->pid, launch->start_time, monitor,
            monitor == 0 ? 0 : process_start_time (monitor));
}

void
record_time (char *text, size_t size)
{
  struct timespec now;
  struct tm utc;
  char seconds[32];

  clock_gettime (CLOCK_REALTIME, &now);
  gmtime_r (&now.tv_sec, &utc);
  strftime (seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf (text, size, "%s.%09ldZ", seconds, now.tv_nsec);
}

void
record_exit (char *text, size_t size, int wait_status, bool oom_killed)
{
  char time[48], signal[32] = "";
  int code = WIFEXITED (wait_status) ? WEXITSTATUS (wait_status) : 128 + WTERMSIG (wait_status);

  record_time (time, sizeof time);
  if (WIFSIGNALED (wait_status))
    snprintf (signal, sizeof signal, "\"signal\":%d,", WTERMSIG (wait_status));
  snprintf (text, size, "{\"exitCode\":%d,%s\"oomKilled\":%s,\"finishedAt\":\"%s\"}", code, signal, oom_killed ? "true" : "false", time);
}
