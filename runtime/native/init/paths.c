/* Finding and making what paths name below a folder that others write into: whatever they turn its parts into meanwhile, links
   too, the kernel finds nothing outside that folder (openat2 for every step, with RESOLVE_IN_ROOT or RESOLVE_BENEATH). */
#define _GNU_SOURCE
#include "paths.h"
#include "common.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_LINKS 40
/* The kernel asks for another try when something was renamed while it looked. */
#define MAX_TRIES 100

/* Where paths are looked up, and the mode of folders that are made there. */
typedef struct
{
  int top;
  uint64_t resolve;
  mode_t mode;
} Place;

static int root = -1;

int
target_root (int fd)
{
  int before = root;

  root = fd;
  return before;
}

static int
open_inside (const Place *place, const char *path, uint64_t flags)
{
  struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_NO_MAGICLINKS | place->resolve };
  int fd = -1;

  path += strspn (path, "/");
  for (int tries = 0; fd < 0 && tries < MAX_TRIES && (tries == 0 || errno == EAGAIN); tries++)
    fd = syscall (SYS_openat2, place->top, *path == '\0' ? "." : path, &how, sizeof how);
  return fd;
}

/* Where the dangling symlink `path` points, as a path from the root. */
static bool
follow_dangling (const Place *place, char *path, size_t size)
{
  char target[PATH_MAX];
  char *slash = strrchr (path, '/');
  AUTO_CLOSE int link = open_inside (place, path, O_NOFOLLOW);
  ssize_t length = link < 0 ? -1 : readlinkat (link, "", target, sizeof target - 1);

  if (length <= 0)
    return false;
  target[length] = '\0';
  char *name = target[0] == '/' || slash == NULL ? path : slash + 1;
  size_t room = size - (name - path);
  return (size_t) snprintf (name, room, "%s", target) < room;
}

/* Makes what is missing of `path`, part by part, each in the folder that was opened before it, and returns it. */
static int
make_inside (const Place *place, const char *path, bool folder, int links)
{
  char prefix[PATH_MAX];
  int at = open_inside (place, "", O_DIRECTORY);

  for (const char *end = path; at >= 0 && *end != '\0';)
    {
      const char *part = end + strspn (end, "/");
      end = strchrnul (part, '/');
      if (end == part)
        continue;
      snprintf (prefix, sizeof prefix, "%.*s", (int) (end - path), path);
      part = prefix + (part - path);
      bool inner = folder || end[strspn (end, "/")] != '\0';
      int next = open_inside (place, prefix, 0);
      if (next < 0 && errno == ENOENT
          && ((inner ? mkdirat (at, part, place->mode) : mknodat (at, part, S_IFREG | 0644, 0)) == 0 || errno == EEXIST))
        next = open_inside (place, prefix, 0);
      if (next < 0 && errno == ENOENT && place->resolve == RESOLVE_IN_ROOT && links < MAX_LINKS && follow_dangling (place, prefix, sizeof prefix))
        next = make_inside (place, prefix, inner, links + 1);
      close (at);
      at = next;
    }
  return at;
}

static int
open_or_make (const Place *place, const char *path, bool folder, const char *step)
{
  int fd = open_inside (place, path, 0);

  if (fd < 0 && errno == ENOENT)
    fd = make_inside (place, path, folder, 0);
  if (fd < 0)
    die (step, path);
  return fd;
}

int
target_open (const char *path, bool folder)
{
  return open_or_make (&(Place) { root, RESOLVE_IN_ROOT, 0755 }, path, folder, "target");
}

int
target_real_folder (const char *path)
{
  struct stat status;
  int fd = open_or_make (&(Place) { root, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, 0755 }, path, true, "target");

  if (fstat (fd, &status) < 0 || !S_ISDIR (status.st_mode))
    die_of (ENOTDIR, "target", path);
  return fd;
}

int
target_parent (const char *path, const char **name)
{
  char folder[PATH_MAX];
  const char *slash = strrchr (path, '/');

  *name = slash == NULL ? path : slash + 1;
  snprintf (folder, sizeof folder, "%.*s", slash == NULL ? 0 : (int) (slash - path), path);
  return target_open (folder, true);
}

int
source_beneath (const char *folder, const char *path)
{
  AUTO_CLOSE int top = open (folder, O_PATH | O_CLOEXEC);
  struct stat status;

  if (top < 0 || fstat (top, &status) < 0)
    die ("bind: source", folder);
  return open_or_make (&(Place) { top, RESOLVE_BENEATH, status.st_mode & 07777 }, path, true, "bind: sub-path");
}

int
checked_null (int fd, const char *step)
{
  struct stat status;

  if (fd < 0 || fstat (fd, &status) < 0)
    die (step, "/dev/null");
  if (!S_ISCHR (status.st_mode) || status.st_rdev != makedev (1, 3))
    die_of (ENODEV, step, "/dev/null");
  return fd;
}
