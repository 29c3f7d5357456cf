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

static Launch *self;

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
open_fifo (void)
{
  if (mkfifoat (self->directory, "start", 0600) < 0)
    die ("fifo", "start");
  self->fifo = openat (self->directory, "start", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  self->failure = openat (self->directory, "failure", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (self->fifo < 0 || self->failure < 0)
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
do_directory (char **fields)
{
  self->directory = open_folder (fields[1]);
}

/* mode once|leave|stay START-NOW ATTACH */
static void
do_mode (char **fields)
{
  self->once = strcmp (fields[1], "once") == 0;
  self->leave = strcmp (fields[1], "leave") == 0;
  self->start_now = field_number (fields[2]) == 1;
  self->attach = field_number (fields[3]) == 1;
  if (self->leave && !self->start_now)
    open_fifo ();
}

/* stdio inherit|pipes|terminal KEEP-STDIN */
static void
do_stdio (char **fields)
{
  self->stdio = strcmp (fields[1], "inherit") == 0 ? STDIO_INHERIT : strcmp (fields[1], "pipes") == 0 ? STDIO_PIPES : STDIO_TERMINAL;
  self->keep_stdin = field_number (fields[2]) == 1;
}

/* log FORMAT PATH LIMIT COUNT */
static void
do_log (char **fields)
{
  if (!log_open (fields[2], strcmp (fields[1], "cri") == 0, field_number (fields[3]), field_number (fields[4])))
    die ("log", fields[2]);
}

static void
do_exit_command (char **fields)
{
  self->exit_command = copy_strings (fields + 1);
}

static void
do_exit_environment (char **fields)
{
  self->exit_environment = copy_strings (fields + 1);
}

static void
do_console (char **fields)
{
  self->console = connect_console (fields[1]);
}

static void
do_idmap_overlay (char **fields)
{
  self->idmap = copy_strings (fields);
}

static void
do_idmap_bind (char **fields)
{
  if (self->idmap_bind_count == MAX_IDMAP_BINDS)
    die_of (E2BIG, "idmap", fields[1]);
  self->idmap_binds[self->idmap_bind_count++] = copy_strings (fields);
}

static void
do_outside_bind (char **fields)
{
  self->mapped[self->mapped_count++] = outside_bind (self, fields);
}

static void
do_disk (char **fields)
{
  self->disk = fields[1];
}

/* health …: see health.h; its command and variables are copied. */
static void
do_health (char **fields)
{
  health_set (fields, copy_strings (fields + 4));
}

static void
do_keep (char **fields)
{
  (void) fields;
  self->keep = true;
}

/* maps UIDS GIDS DENY-SETGROUPS OOM-SCORE, the last empty for the caller's own */
static void
do_maps (char **fields)
{
  self->uid_map = fields[1];
  self->gid_map = fields[2];
  self->deny_setgroups = field_number (fields[3]) == 1;
  self->oom_score = fields[4];
}

/* clone FLAGS JOINER: the last one, the process is made next. */
static void
do_clone (char **fields)
{
  self->clone_flags = field_number (fields[1]);
  self->joiner = field_number (fields[2]) == 1;
  self->is_complete = true;
}

static const OperationKind kinds[] = {
  { "directory", 1, do_directory },
  { "mode", 3, do_mode },
  { "stdio", 2, do_stdio },
  { "log", 4, do_log },
  { "exit-command", 1, do_exit_command },
  { "exit-environment", 0, do_exit_environment },
  { "console", 1, do_console },
  { "idmap-overlay", 6, do_idmap_overlay },
  { "idmap-bind", 3, do_idmap_bind },
  { "outside-bind", 9, do_outside_bind },
  { "disk", 1, do_disk },
  { "health", 4, do_health },
  { "keep", 0, do_keep },
  { "maps", 4, do_maps },
  { "cgroup-make", 3, cgroup_make },
  { "cgroup-set", 3, cgroup_set },
  { "cgroup-either", 4, cgroup_either },
  { "cgroup-join", 2, cgroup_join },
  { "cgroup-devices", 2, cgroup_filter_devices },
  { "cgroup-oom", 1, cgroup_watch_oom },
  { "clone", 2, do_clone },
};

void
options_run (Launch *launch, Operations *list)
{
  char **fields = NULL;
  size_t count;

  self = launch;
  while (!launch->is_complete && (count = operations_next (list, &fields)) > 0)
    operation_run (kinds, sizeof kinds / sizeof *kinds, fields, count);
  free (fields);
}
