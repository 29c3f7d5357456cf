/* strata-minder attend SECONDS PROGRAM ARGUMENT…: runs a program to its end and ends as it did, or ends it after SECONDS.
   Descriptor 3 is a lock that is held until then: also when the caller was killed meanwhile, and not by what the program leaves running.
   It leads a session, so that what ends the caller's group does not end it; what the program started is ended with it. */
#define _GNU_SOURCE
#include "common.h"
#include "minder.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCK 3
#define BY_SIGNAL 128

static void
become (char **argv)
{
  close (LOCK);
  execv (argv[0], argv);
  die ("attend: exec", argv[0]);
}

/* Kernels before 5.3 do not tell: it has all the time then. */
static void
wait_for_end (pid_t program, const char *seconds)
{
  AUTO_CLOSE int process = (int) syscall (SYS_pidfd_open, program, 0);
  struct pollfd end = { .fd = process, .events = POLLIN };

  if (process < 0 || poll (&end, 1, atoi (seconds) * 1000) != 0)
    return;
  dprintf (STDERR_FILENO, "it did not end within %s seconds\n", seconds);
  kill (0, SIGKILL);
}

int
attend_main (int argc, char **argv)
{
  int status;

  if (argc < 3)
    return 2;
  if (setsid () < 0)
    die ("attend", "setsid");
  pid_t program = fork ();
  if (program < 0)
    die ("attend: fork", argv[2]);
  if (program == 0)
    become (argv + 2);
  wait_for_end (program, argv[1]);
  if (waitpid (program, &status, 0) < 0)
    die ("attend: wait", argv[2]);
  return WIFEXITED (status) ? WEXITSTATUS (status) : BY_SIGNAL + WTERMSIG (status);
}
