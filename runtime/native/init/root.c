/* The root of the container: attached, pivoted into, then narrowed. */
#define _GNU_SOURCE
#include "common.h"
#include "layers.h"
#include "mounts.h"
#include "operations.h"
#include "paths.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* `kind` is "slave", "private" or "shared"; the mount that holds the root must not be shared, or pivot_root refuses. */
static void
set_propagation (const char *kind, const char *root)
{
  unsigned long flags = strcmp (kind, "shared") == 0 ? MS_SHARED : strcmp (kind, "private") == 0 ? MS_PRIVATE : MS_SLAVE;
  char parent[PATH_MAX];

  if (mount (NULL, "/", NULL, flags | MS_REC, NULL) < 0)
    die ("propagation", "/");
  if (flags != MS_SHARED)
    return;
  snprintf (parent, sizeof parent, "%s", root);
  while (mount (NULL, parent, NULL, MS_PRIVATE, NULL) < 0)
    {
      char *slash = strrchr (parent, '/');
      if (errno != EINVAL || slash == NULL)
        die ("propagation", root);
      slash[slash == parent] = '\0';
    }
}

/* `at` is any folder; only this mount namespace sees what is attached there. */
static void
attach_root (int tree, const char *at)
{
  AUTO_CLOSE int target = open (at, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (tree < 0 || target < 0)
    die ("root", at);
  attach_mount (tree, target, at);
  target_root (tree);
}

/* root-folder PATH PROPAGATION */
void
root_folder (char **fields)
{
  set_propagation (fields[2], fields[1]);
  attach_root (open_tree (AT_FDCWD, fields[1], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE), fields[1]);
}

/* root-overlay AT PROPAGATION OPTION… */
void
root_overlay (char **fields)
{
  set_propagation (fields[2], fields[1]);
  if (layers_singly ())
    attach_root (make_filesystem ("overlay", "overlay", fields + 3, 0, fields[1]), fields[1]);
  else
    target_root (layers_mount (fields + 3));
}

/* root-received AT PROPAGATION: the mount that came with the monitor's message. */
void
root_received (char **fields, int tree)
{
  set_propagation (fields[2], fields[1]);
  attach_root (tree, fields[1]);
}

void
root_pivot (char **fields)
{
  AUTO_CLOSE int old = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int root = target_root (-1);

  if (old < 0 || fchdir (root) < 0 || syscall (SYS_pivot_root, ".", ".") < 0)
    die (fields[0], "/");
  if (fchdir (old) < 0 || mount (NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0 || umount2 (".", MNT_DETACH) < 0)
    die ("pivot: old root", "/");
  if (chdir ("/") < 0)
    die ("chdir", "/");
  close (root);
}

/* propagation FLAGS: of the root itself, once nothing more is mounted. */
void
root_propagation (char **fields)
{
  if (mount (NULL, "/", NULL, field_number (fields[1]), NULL) < 0)
    die (fields[0], "/");
}

/* The container's own, whatever its image made of it. */
static int
clone_null (void)
{
  return checked_null (open_tree (AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW), "mask");
}

/* All masked folders show one and the same empty read-only tmpfs. */
static int
clone_empty (void)
{
  static int empty = -1;
  char inodes[] = "nr_inodes=1", mode[] = "mode=755";
  char *options[] = { inodes, mode, NULL };

  if (empty < 0)
    empty = make_filesystem ("tmpfs", "tmpfs", options, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, "mask");
  else
    return open_tree (empty, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  return fcntl (empty, F_DUPFD_CLOEXEC, 3);
}

void
mount_mask (char **fields)
{
  const char *path = fields[1];
  AUTO_CLOSE int target = open (path, O_PATH | O_CLOEXEC);
  struct stat status;

  if (target < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
    return; /* nothing there to hide */
  if (target < 0 || fstat (target, &status) < 0)
    die ("mask", path);
  AUTO_CLOSE int tree = S_ISDIR (status.st_mode) ? clone_empty () : clone_null ();
  if (tree < 0)
    die ("mask", path);
  attach_mount (tree, target, path);
}

void
mount_readonly (char **fields)
{
  const char *path = fields[1];
  struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
  AUTO_CLOSE int target = open (path, O_PATH | O_CLOEXEC);

  if (target < 0 && (errno == ENOENT || errno == ENOTDIR))
    return;
  AUTO_CLOSE int tree = target < 0 ? -1 : open_tree (target, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree < 0 || mount_setattr (tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) < 0)
    die ("readonly", path);
  attach_mount (tree, target, path);
}

void
mount_console (int slave)
{
  AUTO_CLOSE int tree = open_tree (slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  AUTO_CLOSE int made = open ("/dev/console", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  AUTO_CLOSE int target = open ("/dev/console", O_PATH | O_CLOEXEC | O_NOFOLLOW);

  if (tree < 0 || target < 0)
    die ("console", "/dev/console");
  attach_mount (tree, target, "/dev/console");
}
