/* Processes by pid and start time. */
#define _GNU_SOURCE
#include "processes.h"
#include "common.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Field 22 of /proc/PID/stat, or 0; field 2 may hold spaces and brackets, so count from its last bracket. */
unsigned long long
process_start_time (pid_t pid)
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

int
process_open (const char *name)
{
  int pid = 0;
  unsigned long long start = 0;

  errno = ESRCH;
  if (sscanf (name, "%d:%llu", &pid, &start) != 2 || pid <= 0)
    return -1;
  int process = (int) syscall (SYS_pidfd_open, pid, 0);
  if (process >= 0 && process_start_time (pid) != start)
    {
      close (process);
      errno = ESRCH;
      return -1;
    }
  return process;
}
