/* health INTERVAL START-INTERVAL START-PERIOD COMMAND…: runs COMMAND again and again while the container lives. Times are milliseconds,
   each counted from the end of the run before. START-INTERVAL holds in the START-PERIOD, as long as COMMAND ends with 3: what it checks
   has not come up yet. The monitor is the timer, so that no check is lost with the command that started the container. */
#define _GNU_SOURCE
#include "health.h"
#include "operations.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum
{
  STILL_STARTING = 3,
};

static struct
{
  long long interval, first, period, begin, due;
  char **command, **environment;
  pid_t run; /* the check under way, or 0 */
  bool starting;
} health;

static long long
milliseconds (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void
health_set (char **fields, char **command)
{
  health.interval = field_number (fields[1]);
  health.first = field_number (fields[2]);
  health.period = field_number (fields[3]);
  health.command = command;
}

static void
plan_next (void)
{
  long long now = milliseconds ();
  bool early = health.starting && now - health.begin < health.period;

  health.due = now + (early ? health.first : health.interval);
}

void
health_begin (char **environment)
{
  if (health.command == NULL)
    return;
  health.environment = environment;
  health.begin = milliseconds ();
  health.starting = true;
  plan_next ();
}

int
health_patience (void)
{
  if (health.due == 0 || health.run > 0)
    return -1;
  long long left = health.due - milliseconds ();
  return left < 0 ? 0 : left < INT_MAX ? (int) left : INT_MAX;
}

void
health_run (void)
{
  char *nothing[] = { NULL };
  sigset_t none;

  if (health_patience () != 0)
    return;
  health.run = fork ();
  if (health.run < 0)
    plan_next (); /* no process to be had now */
  if (health.run != 0)
    return;
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  execve (health.command[0], health.command, health.environment == NULL ? nothing : health.environment);
  _exit (127);
}

void
health_reaped (pid_t pid, int status)
{
  if (pid != health.run)
    return;
  health.run = 0;
  health.starting = WIFEXITED (status) && WEXITSTATUS (status) == STILL_STARTING;
  plan_next ();
}
