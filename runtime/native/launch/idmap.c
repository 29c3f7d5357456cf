/* Overlay layers that lie on disk with the ids of the image, shown to a user namespace with its own: each is mounted
   with the namespace's map, and the overlay is made as the namespace's root, whose writes then land unshifted. */
#define _GNU_SOURCE
#include "common.h"
#include "disk.h"
#include "layers.h"
#include "launch.h"
#include "paths.h"
#include "operations.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel takes at most. */
#define MAX_LOWERS 500

static int
map_tree (int at, const char *path, unsigned flags, int namespace, const char *what)
{
  struct mount_attr attributes = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = namespace };
  unsigned recursive = flags & AT_RECURSIVE;
  int tree = open_tree (at, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);

  if (tree < 0 || mount_setattr (tree, "", AT_EMPTY_PATH | recursive, &attributes, sizeof attributes) < 0)
    die ("idmap", what);
  return tree;
}

/* As layers_mount, of detached mounts, for a context whose mount stays detached: about 80 fit. The working folder is /proc/self/fd
   afterwards. */
static void
set_layers (int context, const int *trees, size_t count)
{
  char value[256];
  size_t used = 0;

  for (size_t i = 0; i < count && used < sizeof value; i++)
    used += snprintf (value + used, sizeof value - used, "%s%d", i == 0 ? "" : ":", trees[i]);
  if (used >= sizeof value)
    die_of (E2BIG, "idmap: option", "lowerdir");
  if (chdir ("/proc/self/fd") < 0 || fsconfig (context, FSCONFIG_SET_STRING, "lowerdir", value, 0) < 0)
    die ("idmap: option", "lowerdir");
}

static int
map_folder (const char *path, int namespace)
{
  return map_tree (AT_FDCWD, path, 0, namespace, path);
}

/* Of `path`, or of the file system that is in it. */
static int
map_writable (const char *path, int namespace)
{
  struct mount_attr attributes = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = namespace };
  struct stat status;

  if (stat (path, &status) < 0 || !S_ISREG (status.st_mode))
    return map_folder (path, namespace);
  int tree = disk_open (path);
  if (mount_setattr (tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0)
    die ("idmap", path);
  return tree;
}

static int
open_namespace (pid_t pid)
{
  char path[64];

  snprintf (path, sizeof path, "/proc/%d/ns/user", pid);
  int namespace = open (path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0)
    die ("idmap", path);
  return namespace;
}

/* idmap-bind SOURCE RECURSIVE SUB-PATH */
int
idmap_bind (pid_t pid, char **fields)
{
  unsigned recursive = field_number (fields[2]) == 1 ? AT_RECURSIVE : 0;
  AUTO_CLOSE int namespace = open_namespace (pid);

  if (fields[3][0] == '\0')
    return map_tree (AT_FDCWD, fields[1], recursive, namespace, fields[1]);
  AUTO_CLOSE int source = source_beneath (fields[1], fields[3]);
  return map_tree (source, "", AT_EMPTY_PATH | recursive, namespace, fields[1]);
}

static void
set_folder (int context, const char *name, int tree, const char *inner)
{
  char path[PATH_MAX];

  snprintf (path, sizeof path, "/proc/self/fd/%d%s", tree, inner);
  if (fsconfig (context, FSCONFIG_SET_STRING, name, path, 0) < 0)
    die ("idmap: option", name);
}

/* The kernel takes the capabilities over files away with the file system uid 0; the overlay needs them. */
static void
act_as (uid_t uid, gid_t gid)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct data[2];

  setfsgid (gid);
  setfsuid (uid);
  if (syscall (SYS_capget, &header, data) < 0)
    die ("idmap", "capabilities");
  for (int i = 0; i < 2; i++)
    data[i].effective = data[i].permitted;
  if (syscall (SYS_capset, &header, data) < 0)
    die ("idmap", "capabilities");
}

static int
make_overlay (int context, char **fields)
{
  if (field_number (fields[6]) == 1 && fsconfig (context, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
    die ("idmap: option", "volatile");
  act_as (field_number (fields[1]), field_number (fields[2]));
  if (fsconfig (context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    die ("idmap", "overlay");
  int mounted = fsmount (context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
  act_as (0, 0);
  if (mounted < 0)
    die ("idmap", "overlay");
  return mounted;
}

/* Until 6.15 the kernel stacks only mounts that are attached where it is asked to: from here on, somewhere that nobody sees and that goes with
   `come_back`. */
static void
go_aside (int *root, int *namespace)
{
  *root = open ("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  *namespace = open ("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (*root < 0 || *namespace < 0 || unshare (CLONE_NEWNS) < 0 || mount (NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
    die ("idmap", "mount namespace");
}

static void
come_back (int root, int namespace)
{
  if (setns (namespace, CLONE_NEWNS) < 0 || fchdir (root) < 0 || chroot (".") < 0)
    die ("idmap", "mount namespace");
}

/* On top of the root, where no path leads. */
static int
attached (int tree)
{
  if (move_mount (tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
    die ("idmap", "layer");
  return tree;
}

/* idmap-overlay UID GID FOLDER UPPER WORK VOLATILE LOWER…: UPPER and WORK below FOLDER, for both must be of one mount; or FOLDER is a file with
   the file system that holds them. */
int
idmap_overlay (pid_t pid, char **fields)
{
  int trees[MAX_LOWERS];
  size_t count = 0;
  AUTO_CLOSE int namespace = open_namespace (pid);
  bool singly = layers_singly ();
  AUTO_CLOSE int context = fsopen ("overlay", FSOPEN_CLOEXEC);
  AUTO_CLOSE int root = -1;
  AUTO_CLOSE int before = -1;

  if (context < 0)
    die ("idmap", "overlay");
  go_aside (&root, &before);
  AUTO_CLOSE int writable = attached (map_writable (fields[3], namespace));
  set_folder (context, "upperdir", writable, fields[4]);
  set_folder (context, "workdir", writable, fields[5]);
  for (char **lower = fields + 7; *lower != NULL && count < MAX_LOWERS; lower++)
    {
      trees[count] = attached (map_folder (*lower, namespace));
      if (singly)
        set_folder (context, "lowerdir+", trees[count], "");
      count++;
    }
  if (!singly)
    set_layers (context, trees, count);
  int mounted = make_overlay (context, fields);
  come_back (root, before);
  while (count > 0)
    close (trees[--count]); /* only now: a clone that is closed is a mount no more */
  return mounted;
}
