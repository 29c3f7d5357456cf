#define _GNU_SOURCE
#include "server.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

bool
go_background (void)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
  pid_t child = null < 0 ? -1 : fork ();

  if (child < 0)
    return false;
  if (child > 0)
    {
      printf ("%d\n", child);
      exit (0);
    }
  setsid ();
  for (int fd = 0; fd < 3; fd++)
    dup2 (null, fd);
  return true;
}

bool
drop_capabilities (void)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct none[2] = { 0 };

  return prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall (SYS_capset, &header, none) == 0;
}

void
outlive (void)
{
  int status;

  for (;;)
    {
      pid_t parent = getpid (), child = fork ();
      if (child == 0)
        {
          prctl (PR_SET_PDEATHSIG, SIGKILL);
          if (getppid () == parent)
            return;
          _exit (1);
        }
      if (child > 0 && TEMP_FAILURE_RETRY (waitpid (child, &status, 0)) == child && WIFEXITED (status))
        _exit (0);
      sleep (1); /* whatever killed it may go on to */
    }
}
