/* A tree of this machine shown with other owners: a mount with the map of a user namespace that exists for that alone. */
#define _GNU_SOURCE
#include "common.h"
#include "launch.h"
#include "operations.h"
#include "paths.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
write_map (pid_t pid, const char *name, const char *text)
{
  char path[64];

  snprintf (path, sizeof path, "/proc/%d/%s", pid, name);
  AUTO_CLOSE int fd = open (path, O_WRONLY | O_CLOEXEC);
  return fd >= 0 && write (fd, text, strlen (text)) >= 0;
}

/* Nobody lives in it: its first process only waits until the maps are written. */
static int
make_namespace (const char *uids, const char *gids)
{
  struct clone_args arguments = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
  char path[64];
  pid_t pid = syscall (SYS_clone3, &arguments, sizeof arguments);

  if (pid == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      for (;;)
        pause ();
    }
  snprintf (path, sizeof path, "/proc/%d/ns/user", pid);
  bool mapped = pid > 0 && write_map (pid, "gid_map", gids) && write_map (pid, "uid_map", uids);
  int namespace = mapped ? open (path, O_RDONLY | O_CLOEXEC) : -1;
  int reason = errno;
  if (pid > 0)
    {
      kill (pid, SIGKILL);
      waitpid (pid, NULL, 0);
    }
  errno = reason;
  return namespace;
}

/* outside-bind SOURCE RECURSIVE UIDS GIDS DEEP SET CLEAR DEEP-SET DEEP-CLEAR: DEEP maps mounts below too.
   Done outside, for whoever maps must own the file system; without UIDS nothing is mapped, and only the way to SOURCE is
   walked by who may walk it. */
int
outside_bind (const Launch *launch, char **fields)
{
  unsigned recursive = field_number (fields[2]) == 1 ? AT_RECURSIVE : 0;
  unsigned deep = field_number (fields[5]) == 1 ? AT_RECURSIVE : 0;
  bool mapped = fields[3][0] != '\0';
  AUTO_CLOSE int namespace = mapped ? make_namespace (fields[3], fields[4]) : -1;
  struct mount_attr map = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = namespace };

  if (launch->mapped_count == MAX_MAPPED)
    die_of (E2BIG, "idmap: map", fields[1]);
  if (mapped && namespace < 0)
    die ("idmap: map", fields[1]);
  int tree = open_tree (AT_FDCWD, fields[1], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive);
  if (tree < 0)
    die ("idmap: source", fields[1]);
  if (mapped && mount_setattr (tree, "", AT_EMPTY_PATH | deep, &map, sizeof map) < 0)
    die ("idmap", fields[1]);
  if (change_attributes (tree, fields + 6) < 0)
    die ("idmap: attributes", fields[1]);
  return tree;
}
