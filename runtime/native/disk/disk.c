#define _GNU_SOURCE
#include "disk.h"
#include "common.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum
{
  MAX_TRIES = 100, /* somebody else may be quicker with the device that the kernel names */
};

static int
open_device (int number, char path[static 32])
{
  snprintf (path, 32, "/dev/loop%d", number);
  return open (path, O_RDWR | O_CLOEXEC);
}

/* True when the device shows this file, and as long as it is open: it is let go only when nobody has it open. */
static bool
shows (int device, const struct stat *image)
{
  struct loop_info64 info;

  return ioctl (device, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == image->st_ino && info.lo_device == image->st_dev;
}

/* Two devices of one file would be two file systems that know nothing of each other. */
static int
find_device (const struct stat *image, char path[static 32])
{
  DIR *all = opendir ("/sys/block");
  int device = -1, number;

  if (all == NULL)
    die ("disk", "/sys/block");
  for (struct dirent *entry = readdir (all); entry != NULL && device < 0; entry = readdir (all))
    {
      char bound[64];
      if (sscanf (entry->d_name, "loop%d", &number) != 1)
        continue;
      snprintf (bound, sizeof bound, "/sys/block/loop%d/loop", number);
      device = access (bound, F_OK) < 0 ? -1 : open_device (number, path);
      if (device >= 0 && !shows (device, image))
        {
          close (device);
          device = -1;
        }
    }
  closedir (all);
  return device;
}

static int
take_device (int image, char path[static 32])
{
  struct loop_config config = { .fd = (uint32_t) image, .info = { .lo_flags = LO_FLAGS_AUTOCLEAR } };
  AUTO_CLOSE int control = open ("/dev/loop-control", O_RDWR | O_CLOEXEC);

  if (control < 0)
    die ("disk", "/dev/loop-control");
  for (int tries = 0; tries < MAX_TRIES; tries++)
    {
      int number = ioctl (control, LOOP_CTL_GET_FREE);
      if (number < 0)
        die ("disk: free device", "/dev/loop-control");
      int device = open_device (number, path);
      if (device < 0)
        die ("disk", path);
      if (ioctl (device, LOOP_CONFIGURE, &config) == 0)
        return device;
      if (errno != EBUSY)
        die ("disk: attach", path);
      close (device);
    }
  die_of (EBUSY, "disk: attach", path);
}

static void
set_option (int context, enum fsconfig_command command, const char *name, const char *value)
{
  if (fsconfig (context, command, name, value, 0) < 0)
    die ("disk: option", name);
}

int
disk_open (const char *image)
{
  char path[32];
  struct stat status;
  AUTO_CLOSE int file = open (image, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  AUTO_CLOSE int lock = open (image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW); /* of its own: the device keeps the other */

  /* One after the other: whoever comes second finds the device of the first. */
  if (file < 0 || lock < 0 || fstat (file, &status) < 0 || TEMP_FAILURE_RETRY (flock (lock, LOCK_EX)) < 0)
    die ("disk", image);
  int found = find_device (&status, path);
  AUTO_CLOSE int device = found < 0 ? take_device (file, path) : found;
  AUTO_CLOSE int context = fsopen ("ext4", FSOPEN_CLOEXEC);
  if (device < 0 || context < 0)
    die ("disk: mount", image);
  set_option (context, FSCONFIG_SET_STRING, "source", path);
  set_option (context, FSCONFIG_SET_FLAG, "discard", NULL);
  set_option (context, FSCONFIG_SET_FLAG, "noinit_itable", NULL);
  if (fsconfig (context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
    die ("disk: mount", image);
  int tree = fsmount (context, FSMOUNT_CLOEXEC, 0);
  if (tree < 0)
    die ("disk: mount", image);
  return tree;
}

void
disk_attach (int tree, const char *target)
{
  if (mount (NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 || move_mount (tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    die ("disk: mount", target);
}

void
disk_apart (char **fields)
{
  AUTO_CLOSE int tree = disk_open (fields[1]);

  if (unshare (CLONE_NEWNS) < 0)
    die ("disk: unshare", "mounts");
  disk_attach (tree, fields[2]);
}
