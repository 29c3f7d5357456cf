#define _GNU_SOURCE
#include "enter.h"
#include "common.h"
#include "disk.h"
#include "mounts.h"
#include "processes.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum
{
  MAX_OPTIONS = 1024,
  MAX_TRIES = 1000, /* the kernel asks for another one when something was renamed while it looked */
};

/* Its owners are then seen as the container sees them, and nothing outside can be reached with more than its rights. */
static void
enter_user_namespace (int process, int pid)
{
  char path[64];
  struct stat own, theirs;

  snprintf (path, sizeof path, "/proc/%d/ns/user", pid);
  if (stat ("/proc/self/ns/user", &own) < 0 || stat (path, &theirs) < 0)
    die ("unpack: enter", path);
  if (own.st_ino == theirs.st_ino)
    return;
  if (setns (process, CLONE_NEWUSER) < 0 || (setgroups (0, NULL) < 0 && errno != EPERM) || setresgid (0, 0, 0) < 0 || setresuid (0, 0, 0) < 0)
    die ("unpack: enter", path);
}

static void
enter_running (const char *name)
{
  AUTO_CLOSE int process = process_open (name);
  int pid = 0;

  if (process < 0 || sscanf (name, "%d", &pid) != 1)
    die ("unpack: enter", name);
  enter_user_namespace (process, pid);
  if (setns (process, CLONE_NEWNS) < 0)
    die ("unpack: enter", name);
}

static void
enter_layers (char **argv)
{
  char *root[MAX_OPTIONS] = { "root-overlay", argv[0], "slave" };
  size_t count = 3;
  char **rest = argv + 1;

  for (; *rest != NULL && strcmp (*rest, "--") != 0; rest++)
    if (count < MAX_OPTIONS - 1)
      root[count++] = *rest;
  if (unshare (CLONE_NEWNS) < 0)
    die ("unpack: unshare", "mount");
  root_overlay (root);
  if (*rest != NULL)
    for (rest++; rest[0] != NULL && rest[1] != NULL && rest[2] != NULL; rest += 3)
      mount_bind ((char *[]) { "bind", rest[0], rest[1], "1", "0", "0", "0", "0", "0", rest[2], NULL });
  root_pivot ((char *[]) { "pivot", NULL });
}

void
enter_container (char **place)
{
  bool has_disk = strcmp (place[0], "disk") == 0;

  if (has_disk)
    disk_apart (place);
  if (strcmp (place[0], "pid") == 0)
    enter_running (place[1]);
  else
    enter_layers (place + (has_disk ? 4 : 1));
}

int
open_inside (const char *path, int flags)
{
  struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
  int fd = -1;

  for (int tries = 0; fd < 0 && tries < MAX_TRIES && (tries == 0 || errno == EAGAIN); tries++)
    fd = syscall (SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  return fd;
}
