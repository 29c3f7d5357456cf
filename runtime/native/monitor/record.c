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
  unsigned long long monitor_start = monitor == 0 ? 0 : process_start_time (monitor);
  int length = snprintf (text, size, "{\"pid\":%d,\"startTime\":%llu,\"monitor\":%d,\"monitorStartTime\":%llu", launch->pid, launch->start_time, monitor, monitor_start);

  if (launch->keeper > 0)
    length += snprintf (text + length, size - length, ",\"keeper\":%d,\"keeperStartTime\":%llu", launch->keeper, process_start_time (launch->keeper));
  snprintf (text + length, size - length, "}");
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
record_exit (char *text, size_t size, int wait_status, bool oom_killed, int killer)
{
  char time[48], signal[32] = "", error[96] = "";
  int code = WIFEXITED (wait_status) ? WEXITSTATUS (wait_status) : 128 + WTERMSIG (wait_status);

  record_time (time, sizeof time);
  if (WIFSIGNALED (wait_status))
    snprintf (signal, sizeof signal, "\"signal\":%d,", WTERMSIG (wait_status));
  if (killer > 0)
    snprintf (error, sizeof error, ",\"error\":\"its monitor was killed by signal %d\"", killer);
  snprintf (text, size, "{\"exitCode\":%d,%s\"oomKilled\":%s,\"finishedAt\":\"%s\"%s}", code, signal, oom_killed ? "true" : "false", time, error);
}
