/* What a folder holds, copied into a fresh file system that is about to cover it (tmpcopyup). */
#define _GNU_SOURCE
#include "copy.h"
#include "common.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_DEPTH 128

static void
copy_bytes (int from, const char *name, int to, const struct stat *status)
{
  AUTO_CLOSE int source = openat (from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  AUTO_CLOSE int target = openat (to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  ssize_t size = source < 0 || target < 0 ? -1 : 1;

  while (size > 0)
    size = sendfile (target, source, NULL, status->st_size > 0 ? (size_t) status->st_size : 4096);
  if (size < 0)
    die ("copy-up", name);
}

static void
copy_link (int from, const char *name, int to)
{
  char target[PATH_MAX] = "";

  if (readlinkat (from, name, target, sizeof target - 1) < 0 || symlinkat (target, to, name) < 0)
    die ("copy-up", name);
}

static void
copy_status (int to, const char *name, const struct stat *status)
{
  const struct timespec times[] = { status->st_atim, status->st_mtim };

  if (fchownat (to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0
      || (!S_ISLNK (status->st_mode) && fchmodat (to, name, status->st_mode & 07777, 0) < 0)
      || utimensat (to, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    die ("copy-up: owner", name);
}

/* Overlay's own are about its layers. */
static bool
is_carried (const char *attribute)
{
  return strncmp (attribute, "trusted.overlay.", 16) != 0 && strncmp (attribute, "user.overlay.", 13) != 0;
}

/* After the owner, whose change takes capabilities away. What the new file system does not take is left. */
static void
copy_attributes (int from, const char *name, int to)
{
  static char names[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
  AUTO_CLOSE int source = openat (from, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  AUTO_CLOSE int target = openat (to, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  ssize_t size = source < 0 || target < 0 ? 0 : flistxattr (source, names, sizeof names);

  for (const char *attribute = names; size > 0 && attribute < names + size; attribute += strlen (attribute) + 1)
    {
      ssize_t length = is_carried (attribute) ? fgetxattr (source, attribute, value, sizeof value) : -1;
      if (length >= 0 && fsetxattr (target, attribute, value, length, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM)
        die ("copy-up: attribute", name);
    }
}

static void
copy_entry (int from, const char *name, int to, int depth)
{
  struct stat status;

  if (fstatat (from, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    die ("copy-up", name);
  if (S_ISDIR (status.st_mode))
    {
      int made = mkdirat (to, name, 0700);
      AUTO_CLOSE int source = openat (from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
      AUTO_CLOSE int target = openat (to, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
      if (depth == MAX_DEPTH)
        die_of (ELOOP, "copy-up", name);
      if (made < 0 || source < 0 || target < 0)
        die ("copy-up", name);
      copy_up (source, target, depth + 1);
    }
  else if (S_ISREG (status.st_mode))
    copy_bytes (from, name, to, &status);
  else if (S_ISLNK (status.st_mode))
    copy_link (from, name, to);
  else if (mknodat (to, name, status.st_mode, status.st_rdev) < 0)
    die ("copy-up", name);
  copy_status (to, name, &status);
  if (S_ISDIR (status.st_mode) || S_ISREG (status.st_mode))
    copy_attributes (from, name, to);
}

void
copy_up (int from, int to, int depth)
{
  int again = openat (from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = again < 0 ? NULL : fdopendir (again);
  const struct dirent *entry;

  if (folder == NULL)
    die ("copy-up", ".");
  while ((entry = readdir (folder)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      copy_entry (from, entry->d_name, to, depth);
  closedir (folder);
}
