/* Hooks of the container namespace: programs that run before the container's own does, each to its end. */
#define _GNU_SOURCE
#include "hook.h"
#include "common.h"
#include "operations.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SAID_BYTES 1024

/* Its state on stdin; what it says is kept, in case that it fails. */
static void
become_hook (char **arguments, char **variables, const char *path, int state, int said)
{
  setpgid (0, 0);
  umask (022);
  if (dup2 (state, 0) < 0 || dup2 (said, 1) < 0 || dup2 (said, 2) < 0 || close_range (3, INT_MAX, 0) < 0)
    _exit (126);
  execve (path, arguments, variables);
  dprintf (2, "%s", strerror (errno));
  _exit (127);
}

/* -1 when it took longer. `seconds` 0 is for ever. */
static int
wait_for_hook (pid_t pid, long long seconds)
{
  AUTO_CLOSE int process = pidfd_open (pid, 0);
  struct pollfd end = { .fd = process, .events = POLLIN };
  int status = 0;

  int ready = process < 0 ? -1 : TEMP_FAILURE_RETRY (poll (&end, 1, seconds == 0 || seconds > INT_MAX / 1000 ? -1 : (int) seconds * 1000));
  if (ready != 1)
    kill (-pid, SIGKILL);
  waitpid (pid, &status, 0);
  return ready == 1 ? status : -1;
}

static void
fail (const char *kind, const char *path, int status, int said)
{
  char why[64], words[MAX_SAID_BYTES], object[MAX_SAID_BYTES + PATH_MAX];
  ssize_t size = pread (said, words, sizeof words, 0);

  if (status == -1)
    snprintf (why, sizeof why, "it took longer than its timeout");
  else
    snprintf (why, sizeof why, WIFEXITED (status) ? "exit status %d" : "signal %d", WIFEXITED (status) ? WEXITSTATUS (status) : WTERMSIG (status));
  snprintf (object, sizeof object, "%s hook %s: %s%s%.*s", kind, path, why, size > 0 ? ": " : "", size > 0 ? (int) size : 0, words);
  die_of (ECANCELED, "hook", object);
}

/* The state's text with our pid between its halves: only here is it known how this namespace counts us. */
static int
make_state (const char *before, const char *after)
{
  int fd = memfd_create ("state", MFD_CLOEXEC);

  if (fd < 0 || dprintf (fd, "%s%d%s", before, getpid (), after) < 0 || lseek (fd, 0, SEEK_SET) < 0)
    die ("hook: state", "memfd");
  return fd;
}

/* hook KIND TIMEOUT BEFORE AFTER PATH COUNT ARGUMENT… VARIABLE… */
void
hook_run (char **fields)
{
  size_t count = field_number (fields[6]);
  char **arguments = field_list (fields, 7, count);
  AUTO_CLOSE int state = make_state (fields[3], fields[4]);
  AUTO_CLOSE int said = memfd_create ("said", MFD_CLOEXEC);
  pid_t pid = said < 0 ? -1 : fork ();

  if (pid < 0)
    die ("hook: start", fields[5]);
  if (pid == 0)
    become_hook (arguments, fields + 7 + count, fields[5], state, said);
  int status = wait_for_hook (pid, field_number (fields[2]));
  if (status != 0)
    fail (fields[1], fields[5], status, said);
}
