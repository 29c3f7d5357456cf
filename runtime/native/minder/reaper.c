/* strata-minder pause: pid 1 of a process namespace that several containers share; reaps, and ends when it is told to.
   strata-minder reap COMMAND…: pid 1 of a container that asked for one (--init). Runs COMMAND as its child, passes signals on,
   reaps whatever becomes its own, and ends as COMMAND does: its exit status, or 128 and the signal. */
#define _GNU_SOURCE
#include "common.h"
#include "minder.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  NOT_EXECUTABLE = 126,
  NOT_FOUND = 127,
  BY_SIGNAL = 128,
};

static void
become (char **command, const sigset_t *mask)
{
  sigset_t output;

  setpgid (0, 0);
  sigemptyset (&output);
  sigaddset (&output, SIGTTOU); /* taking the terminal would stop us */
  sigprocmask (SIG_BLOCK, &output, NULL);
  tcsetpgrp (STDIN_FILENO, getpid ()); /* fails without a terminal, as it should */
  sigprocmask (SIG_SETMASK, mask, NULL);
  execvp (command[0], command);
  int reason = errno;
  fprintf (stderr, "%s: %s\n", command[0], strerror (reason));
  _exit (reason == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

/* Every child that has ended; `status` is set and true returned when the one we run is among them. */
static int
reap (pid_t main_child, int *status)
{
  int ended = 0, each;
  pid_t pid;

  while ((pid = waitpid (-1, &each, WNOHANG)) > 0)
    if (pid == main_child)
      {
        *status = each;
        ended = 1;
      }
  return ended;
}

int
reap_main (int argc, char **argv)
{
  sigset_t all, before;
  siginfo_t info;
  int status = 0;

  if (argc < 2)
    return 2;
  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, &before);
  pid_t child = fork ();
  if (child < 0)
    die ("reap", "fork");
  if (child == 0)
    become (argv + 1, &before);
  for (;;)
    {
      int number = sigwaitinfo (&all, &info);
      if (number == SIGCHLD)
        {
          if (reap (child, &status))
            return WIFSIGNALED (status) ? BY_SIGNAL + WTERMSIG (status) : WEXITSTATUS (status);
        }
      else if (number > 0 && number != SIGTSTP && number != SIGTTIN && number != SIGTTOU)
        kill (child, number);
    }
}

int
pause_main (int argc, char **argv)
{
  sigset_t all;
  int status, number;

  (void) argc, (void) argv;
  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  while (number = sigwaitinfo (&all, NULL), number != SIGTERM && number != SIGINT)
    if (number == SIGCHLD)
      reap (-1, &status);
  return 0;
}
