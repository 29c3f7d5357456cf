/* Mounts below the new root. */
#define _GNU_SOURCE
#include "mounts.h"
#include "copy.h"
#include "common.h"
#include "operations.h"
#include "paths.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_OPTION_BYTES 255

void
attach_mount (int tree, int target, const char *path)
{
  if (move_mount (tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
    die ("mount", path);
}

/* Option values are at most 255 bytes: a longer path goes by descriptor, which stays open until execve. */
static int
set_option (int context, const char *name, const char *value)
{
  char by_fd[32];

  if (value == NULL)
    return fsconfig (context, FSCONFIG_SET_FLAG, name, NULL, 0);
  if (strlen (value) > MAX_OPTION_BYTES && value[0] == '/')
    {
      int fd = open (value, O_PATH | O_CLOEXEC);
      snprintf (by_fd, sizeof by_fd, "/proc/self/fd/%d", fd);
      value = fd < 0 ? value : by_fd;
    }
  return fsconfig (context, FSCONFIG_SET_STRING, name, value, 0);
}

/* A new file system from "name=value" and "flag" words. */
int
make_filesystem (const char *type, const char *source, char **options, uint64_t attributes, const char *path)
{
  AUTO_CLOSE int context = fsopen (type, FSOPEN_CLOEXEC);

  if (context < 0)
    die ("mount", path);
  if (source[0] != '\0' && set_option (context, "source", source) < 0)
    die ("mount: source", path);
  for (; *options != NULL; options++)
    {
      char *value = strchr (*options, '=');
      if (value != NULL)
        *value++ = '\0';
      if (set_option (context, *options, value) < 0)
        die ("mount: option", *options);
    }
  if (fsconfig (context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    die ("mount", path);
  int tree = fsmount (context, FSMOUNT_CLOEXEC, attributes);
  if (tree < 0)
    die ("mount", path);
  return tree;
}

/* SET CLEAR of the mount itself, then SET CLEAR of it and all below it; -1 for what cannot be. */
int
change_attributes (int tree, char **fields)
{
  for (int deep = 0; deep < 2; deep++)
    {
      struct mount_attr attributes = { .attr_set = field_number (fields[2 * deep]), .attr_clr = field_number (fields[2 * deep + 1]) };
      bool any = attributes.attr_set != 0 || attributes.attr_clr != 0;
      if (any && mount_setattr (tree, "", AT_EMPTY_PATH | (deep ? AT_RECURSIVE : 0), &attributes, sizeof attributes) < 0)
        return -1;
    }
  return 0;
}

/* MS_SHARED and its like, with MS_REC for mounts below too; 0 leaves what it is. For a mount that is attached. */
static void
change_propagation (int tree, uint64_t kind, const char *path)
{
  struct mount_attr attributes = { .propagation = kind & ~(uint64_t) MS_REC };
  unsigned deep = (kind & MS_REC) != 0 ? AT_RECURSIVE : 0;

  if (kind != 0 && mount_setattr (tree, "", AT_EMPTY_PATH | deep, &attributes, sizeof attributes) < 0)
    die ("mount: propagation", path);
}

/* mount TARGET TYPE SOURCE ATTRIBUTES PROPAGATION REAL OPTION…: REAL is 1 when the target must be a real folder (proc, sys, dev),
   2 when what is there is copied into the new file system first. */
void
mount_new (char **fields)
{
  AUTO_CLOSE int tree = make_filesystem (fields[2], fields[3], fields + 7, field_number (fields[4]), fields[1]);
  AUTO_CLOSE int target = field_number (fields[6]) == 1 ? target_real_folder (fields[1]) : target_open (fields[1], true);

  if (field_number (fields[6]) == 2)
    copy_up (target, tree, 0);
  attach_mount (tree, target, fields[1]);
  change_propagation (tree, field_number (fields[5]), fields[1]);
}

static int early = -1;

/* early TYPE SOURCE ATTRIBUTES: made where it is permitted (sysfs, by the owner of the network), for `late` to attach. */
void
mount_early (char **fields)
{
  char *none[] = { NULL };

  early = make_filesystem (fields[1], fields[2], none, field_number (fields[3]), fields[1]);
}

/* late TARGET */
void
mount_late (char **fields)
{
  AUTO_CLOSE int target = target_real_folder (fields[1]);

  attach_mount (early, target, fields[1]);
}

/* bind TARGET SOURCE RECURSIVE SET CLEAR DEEP-SET DEEP-CLEAR PROPAGATION SUB-PATH: SUB-PATH, when it is not empty, is found
   below SOURCE and never outside it. */
void
mount_bind (char **fields)
{
  unsigned recursive = field_number (fields[3]) == 1 ? AT_RECURSIVE : 0;
  unsigned clone = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive;
  bool whole = fields[9][0] == '\0';
  AUTO_CLOSE int source = whole ? -1 : source_beneath (fields[2], fields[9]);
  AUTO_CLOSE int tree = whole ? open_tree (AT_FDCWD, fields[2], clone) : open_tree (source, "", AT_EMPTY_PATH | clone);

  mount_tree (fields, tree);
}

/* bind-received and bind-mapped, with the fields of bind: the mount came from the monitor, which shows it with other ids. */
void
mount_tree (char **fields, int tree)
{
  struct stat status;

  if (tree < 0 || fstat (tree, &status) < 0)
    die ("bind: source", fields[2]);
  if (change_attributes (tree, fields + 4) < 0)
    die ("bind: attributes", fields[1]);
  AUTO_CLOSE int target = target_open (fields[1], S_ISDIR (status.st_mode));
  attach_mount (tree, target, fields[1]);
  change_propagation (tree, field_number (fields[8]), fields[1]);
}

/* device PATH MODE-WITH-TYPE MAJOR MINOR UID GID: the mode is whole, for init's umask is 0 until it prepares. */
void
mount_device (char **fields)
{
  const char *name;
  dev_t number = makedev (field_number (fields[3]), field_number (fields[4]));
  mode_t mode = field_number (fields[2]);

  AUTO_CLOSE int folder = target_parent (fields[1], &name);
  if (mknodat (folder, name, mode, number) < 0)
    {
      struct stat status;
      if (errno != EEXIST || fstatat (folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        die ("device", fields[1]);
      if ((status.st_mode & S_IFMT) != (mode & S_IFMT) || status.st_rdev != number)
        die_of (EEXIST, "device", fields[1]);
      return;
    }
  if (fchownat (folder, name, field_number (fields[5]), field_number (fields[6]), AT_SYMLINK_NOFOLLOW) < 0)
    die ("device: owner", fields[1]);
}

/* link TARGET PATH */
void
mount_link (char **fields)
{
  const char *name;
  AUTO_CLOSE int folder = target_parent (fields[2], &name);

  if (symlinkat (fields[1], folder, name) < 0 && errno != EEXIST)
    die ("link", fields[2]);
}

/* remount PATH SET RECURSIVE */
void
mount_remount (char **fields)
{
  struct mount_attr attributes = { .attr_set = field_number (fields[2]) };

  if (mount_setattr (AT_FDCWD, fields[1], field_number (fields[3]) == 1 ? AT_RECURSIVE : 0, &attributes, sizeof attributes) < 0)
    die ("remount", fields[1]);
}
