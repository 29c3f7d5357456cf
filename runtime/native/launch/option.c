/* What the list asks of the monitor itself, before there is a process. */
#define _GNU_SOURCE
#include "common.h"
#include "health.h"
#include "launch.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
open_folder (const char *path)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    die ("open", path);
  return fd;
}

/* Start is a byte in a FIFO when no monitor stays to ask; the reason of a failure after it stands in a file. */
static void
open_fifo (Launch *launch)
{
  if (mkfifoat (launch->directory, "start", 0600) < 0)
    die ("fifo", "start");
  launch->fifo = openat (launch->directory, "start", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  launch->failure = openat (launch->directory, "failure", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (launch->fifo < 0 || launch->failure < 0)
    die ("fifo", "start");
}

/* Whoever listens there takes the terminal's master, as OCI callers do. */
static int
connect_console (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (strlen (path) >= sizeof address.sun_path)
    errno = ENAMETOOLONG;
  else
    strcpy (address.sun_path, path);
  if (fd < 0 || address.sun_path[0] == '\0' || connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    die ("console", path);
  return fd;
}

static char **
copy_strings (char **strings)
{
  size_t count = 0;

  while (strings[count] != NULL)
    count++;
  char **copy = calloc (count + 1, sizeof *copy);
  for (size_t i = 0; copy != NULL && i < count; i++)
    copy[i] = strdup (strings[i]);
  return copy;
}

static void
do_cgroup (char **fields)
{
  const char *what = fields[0] + strlen ("cgroup-");

  if (strcmp (what, "make") == 0)
    cgroup_make (fields[1], fields[2], field_number (fields[3]) == 1);
  else if (strcmp (what, "set") == 0)
    cgroup_set (fields[1], fields[2], field_number (fields[3]) == 1);
  else if (strcmp (what, "join") == 0)
    cgroup_join (fields[1]);
  else if (strcmp (what, "devices") == 0)
    cgroup_filter_devices (fields[1], fields[2]);
  else
    cgroup_watch_oom (fields[1]);
}

/* mode once|leave|stay START-NOW ATTACH */
static void
do_mode (Launch *launch, char **fields)
{
  launch->once = strcmp (fields[1], "once") == 0;
  launch->leave = strcmp (fields[1], "leave") == 0;
  launch->start_now = field_number (fields[2]) == 1;
  launch->attach = field_number (fields[3]) == 1;
  if (launch->leave && !launch->start_now)
    open_fifo (launch);
}

/* stdio inherit|pipes|terminal KEEP-STDIN; log FORMAT PATH LIMIT COUNT; maps UIDS GIDS DENY-SETGROUPS OOM-SCORE,
   the last empty for the caller's own */
static void
do_option (Launch *launch, char **fields)
{
  const char *name = fields[0];

  if (strcmp (name, "directory") == 0)
    launch->directory = open_folder (fields[1]);
  else if (strcmp (name, "mode") == 0)
    do_mode (launch, fields);
  else if (strcmp (name, "stdio") == 0)
    {
      launch->stdio = strcmp (fields[1], "inherit") == 0 ? STDIO_INHERIT : strcmp (fields[1], "pipes") == 0 ? STDIO_PIPES : STDIO_TERMINAL;
      launch->keep_stdin = field_number (fields[2]) == 1;
    }
  else if (strcmp (name, "log") == 0)
    {
      if (!log_open (fields[2], strcmp (fields[1], "cri") == 0, field_number (fields[3]), field_number (fields[4])))
        die ("log", fields[2]);
    }
  else if (strcmp (name, "health") == 0)
    health_set (fields, copy_strings (fields + 4));
  else if (strcmp (name, "keep") == 0)
    launch->keep = true;
  else if (strcmp (name, "exit-command") == 0)
    launch->exit_command = copy_strings (fields + 1);
  else if (strcmp (name, "console") == 0)
    launch->console = connect_console (fields[1]);
  else if (strcmp (name, "idmap-overlay") == 0)
    launch->idmap = copy_strings (fields);
  else if (strcmp (name, "exit-environment") == 0)
    launch->exit_environment = copy_strings (fields + 1);
  else if (strcmp (name, "maps") == 0)
    {
      launch->uid_map = fields[1];
      launch->gid_map = fields[2];
      launch->deny_setgroups = field_number (fields[3]) == 1;
      launch->oom_score = fields[4];
    }
}

void
option_set (Launch *launch, char **fields)
{
  if (strncmp (fields[0], "cgroup-", strlen ("cgroup-")) == 0)
    do_cgroup (fields);
  else
    do_option (launch, fields);
}
