/* The program: found, given its streams, executed. */
#define _GNU_SOURCE
#include "program.h"
#include "common.h"
#include "operations.h"
#include "paths.h"
#include "schedule.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static char found[PATH_MAX];
static const char *folder = "/";
static bool is_inside;

static int
try_program (const char *path)
{
  struct stat status;

  if (stat (path, &status) < 0)
    return errno;
  if (!S_ISREG (status.st_mode) || (status.st_mode & 0111) == 0)
    return EACCES;
  snprintf (found, sizeof found, "%s", path);
  return 0;
}

void
program_find (char **fields)
{
  const char *name = fields[1], *path = fields[2];
  int reason = ENOENT;

  if (strchr (name, '/') != NULL)
    reason = try_program (name);
  else
    for (const char *part = path; name[0] != '\0' && part != NULL && reason != 0; part = *part == ':' ? part + 1 : NULL)
      {
        char candidate[PATH_MAX];
        const char *end = strchrnul (part, ':');
        snprintf (candidate, sizeof candidate, "%.*s%s%s", (int) (end - part), part, end == part ? "./" : "/", name);
        part = end;
        int result = try_program (candidate);
        if (result == 0 || result == EACCES)
          reason = result;
      }
  if (reason != 0)
    die_of (reason, "command", name);
}

void
program_make_folder (char **fields)
{
  const char *path = fields[1];
  char prefix[PATH_MAX];

  for (const char *end = path; *end != '\0';)
    {
      end = strchrnul (end + 1, '/');
      snprintf (prefix, sizeof prefix, "%.*s", (int) (end - path), path);
      if (mkdir (prefix, 0755) < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
        die ("cwd", path);
    }
}

/* False when we may not. Outside the root (by a leaked descriptor) its path is "(unreachable)". */
static bool
enter_folder (void)
{
  char path[PATH_MAX];

  is_inside = is_inside || chdir (folder) == 0;
  if (is_inside && (getcwd (path, sizeof path) == NULL || path[0] != '/'))
    die_of (ENOENT, "cwd", folder);
  return is_inside;
}

/* The program's user may reach it where root does not, and is asked again. */
void
program_folder (char **fields)
{
  folder = fields[1];
  if (!enter_folder () && errno != EACCES)
    die ("cwd", folder);
}

/* The host's /dev/null is a door to the host's devtmpfs: the container's own takes its place. */
void
program_streams (Launch *launch, uid_t uid)
{
  for (int i = 0; i < 3; i++)
    {
      struct stat status;
      int from = launch->theirs[i];
      bool null = from < 0 || (fstat (from, &status) == 0 && S_ISCHR (status.st_mode) && status.st_rdev == makedev (1, 3));
      AUTO_CLOSE int own = null ? checked_null (open ("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW), "stdio") : -1;
      if (dup3 (null ? own : from, i, 0) < 0 && errno != EINVAL)
        die ("stdio", "dup");
      if (!null && (S_ISFIFO (status.st_mode) || launch->stdio == STDIO_TERMINAL) && fchown (i, uid, -1) < 0 && errno != EPERM && errno != EROFS)
        die ("stdio", "owner");
    }
  setsid (); /* a session of its own: no way into the terminal of whoever started it; fails where it is one already */
  if (launch->stdio == STDIO_TERMINAL && ioctl (0, TIOCSCTTY, 0) < 0)
    die ("terminal", "control");
}

static void
reset_signals (void)
{
  sigset_t none;

  for (int signal = 1; signal < NSIG; signal++)
    if (signal != SIGKILL && signal != SIGSTOP)
      sigaction (signal, &(struct sigaction) { .sa_handler = SIG_DFL }, NULL);
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
}

static void
close_between (int first, int last)
{
  if (first <= last && close_range (first, last, 0) < 0)
    die ("execve", "close_range");
}

static unsigned kept;

/* preserve COUNT: what came after the control socket takes its place and those after it. */
void
program_preserve (char **fields)
{
  kept = field_number (fields[1]);
  for (unsigned i = 0; i < kept; i++)
    if (dup2 (4 + i, 3 + i) < 0)
      die ("preserve", fields[1]);
}

/* Closed for good, so that no path of the program can name them. What tells of a failed execve goes with execve itself. */
static void
close_others (const Launch *launch)
{
  int one = launch->failure >= 0 ? launch->failure : launch->channel;
  int other = launch->fifo >= 0 ? launch->fifo : one;
  int low = one < other ? one : other, high = one < other ? other : one;

  close_between (3 + (int) kept, low - 1);
  close_between (low + 1, high - 1);
  close_between (high + 1, INT_MAX);
}

/* prepare UMASK: what a filter of system calls might refuse, so before it. */
void
program_prepare (Launch *launch, char **fields)
{
  schedule_unpin ();
  umask (field_number (fields[1]));
  enter_folder ();
  reset_signals ();
  close_others (launch);
}

/* execute COUNT ARGUMENT… VARIABLE… */
void
program_execute (char **fields)
{
  size_t count = field_number (fields[1]);
  char **arguments = field_list (fields, 2, count);

  if (!is_inside && !enter_folder ())
    die ("cwd", folder);
  execve (found, arguments, fields + 2 + count);
  die ("execve", found);
}
