/* The keeper: the monitor's parent, which sleeps until the monitor has ended. To a monitor that was killed it is heir: init becomes its child,
   so that it learns how init ended, records that, removes the cgroup and runs the exit command. It holds nothing but the state folder. */
#define _GNU_SOURCE
#include "keeper.h"
#include "common.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* One page that both see: what the monitor knows and could take to its grave. */
static struct will
{
  pid_t pid; /* of init, once its record is written */
  int status;
  bool reaped, recorded;
} *will;

void
keeper_known (pid_t pid)
{
  if (will != NULL)
    will->pid = pid;
}

void
keeper_reaped (int status)
{
  if (will == NULL)
    return;
  will->status = status;
  will->reaped = true;
}

void
keeper_recorded (void)
{
  if (will != NULL)
    will->recorded = true;
}

static pid_t
await (pid_t child, int *status)
{
  return TEMP_FAILURE_RETRY (waitpid (child, status, 0));
}

static void
hold_only (int directory)
{
  int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  for (int i = 0; i < 3; i++)
    dup2 (null, i);
  if (directory > 3)
    close_range (3, directory - 1, 0);
  close_range (directory + 1, ~0U, 0);
}

/* The record goes to nobody when whoever asked for the container does not know of it yet, or has removed it. */
static bool
is_known (int directory)
{
  struct stat folder;

  return will->pid > 0 && fstat (directory, &folder) == 0 && folder.st_nlink > 0;
}

/* Being set up, init gives up without a monitor; later it is killed, with all that is in its groups. */
static void
end_container (const Launch *launch, int killer)
{
  char text[512];
  int status = SIGKILL;
  bool known = is_known (launch->directory);

  if (known && !will->reaped)
    kill (will->pid, SIGKILL);
  if (known || will->pid == 0)
    cgroup_kill ();
  if (known && !will->reaped)
    await (will->pid, &status);
  while (!known && await (-1, &status) > 0)
    continue;
  record_exit (text, sizeof text, will->reaped ? will->status : status, cgroup_oom_killed (), will->reaped ? 0 : killer);
  cgroup_remove ();
  if (known)
    record_write (launch->directory, "exit.json", text);
}

static void
keep (Launch *launch, pid_t monitor)
{
  sigset_t all;
  pid_t ended;
  int status = 0;

  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  prctl (PR_SET_NAME, "strata-keeper");
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  hold_only (launch->directory);
  malloc_trim (0);
  while ((ended = await (-1, &status)) != monitor && ended > 0)
    continue;
  if (!WIFSIGNALED (status))
    _exit (0); /* it did its work, or told why not */
  if (!will->recorded)
    end_container (launch, WTERMSIG (status));
  if (is_known (launch->directory))
    exit_command_run (launch);
  _exit (0);
}

void
keeper_start (Launch *launch, Operations *list)
{
  pid_t keeper = getpid ();

  if (!launch->keep)
    return;
  will = mmap (NULL, sizeof *will, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (will == MAP_FAILED)
    die ("keeper", "mmap");
  pid_t monitor = fork ();
  if (monitor < 0)
    die ("keeper", "fork");
  if (monitor == 0)
    {
      launch->keeper = keeper;
      return;
    }
  report_with (NULL);
  operations_free (list);
  keep (launch, monitor);
}
