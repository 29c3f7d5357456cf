/* Finding and making targets below the new root: openat2 with RESOLVE_IN_ROOT for every step. */
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
#include <unistd.h>

#define MAX_LINKS 40

static int root = -1;

void
target_root (int fd)
{
  root = fd;
}

int
target_root_fd (void)
{
  return root;
}

static int
open_inside (const char *path, uint64_t flags, uint64_t resolve)
{
  struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve };

  while (*path == '/')
    path++;
  return syscall (SYS_openat2, root, *path == '\0' ? "." : path, &how, sizeof how);
}

/* Where the dangling symlink `path` points, as a path from the root. */
static bool
follow_dangling (char *path, size_t size)
{
  char target[PATH_MAX], joined[PATH_MAX * 2];
  char *slash = strrchr (path, '/');
  AUTO_CLOSE int link = open_inside (path, O_NOFOLLOW, 0);
  ssize_t length = link < 0 ? -1 : readlinkat (link, "", target, sizeof target - 1);

  if (length <= 0)
    return false;
  target[length] = '\0';
  if (target[0] == '/' || slash == NULL)
    snprintf (joined, sizeof joined, "%s", target);
  else
    snprintf (joined, sizeof joined, "%.*s/%s", (int) (slash - path), path, target);
  return (size_t) snprintf (path, size, "%s", joined) < size;
}

/* Makes what is missing of `path`, component by component, and returns it. */
static int
make_inside (const char *path, bool folder, uint64_t resolve, int links)
{
  char prefix[PATH_MAX];
  int at = open_inside ("", O_DIRECTORY, resolve);

  for (const char *end = path; at >= 0 && *end != '\0';)
    {
      const char *name = end + strspn (end, "/");
      end = strchrnul (name, '/');
      size_t length = end - path;
      if (end == name)
        continue;
      snprintf (prefix, sizeof prefix, "%.*s", (int) length, path);
      bool last = end[strspn (end, "/")] == '\0';
      int next = open_inside (prefix, 0, resolve);
      if (next < 0 && errno == ENOENT)
        {
          char part[NAME_MAX + 1];
          snprintf (part, sizeof part, "%.*s", (int) (end - name), name);
          if (last && !folder)
            close (openat (at, part, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
          else
            mkdirat (at, part, 0755);
          next = open_inside (prefix, 0, resolve);
          if (next < 0 && errno == ENOENT && links < MAX_LINKS && resolve == 0 && follow_dangling (prefix, sizeof prefix))
            next = make_inside (prefix, folder || !last, resolve, links + 1);
        }
      close (at);
      at = next;
    }
  return at;
}

int
target_open (const char *path, bool folder)
{
  int fd = open_inside (path, 0, 0);

  if (fd < 0 && errno == ENOENT)
    fd = make_inside (path, folder, 0, 0);
  if (fd < 0)
    die ("target", path);
  return fd;
}

int
target_real_folder (const char *path)
{
  int fd = open_inside (path, O_DIRECTORY, RESOLVE_NO_SYMLINKS);

  if (fd < 0 && errno == ENOENT)
    fd = make_inside (path, true, RESOLVE_NO_SYMLINKS, 0);
  struct stat status;
  if (fd < 0 || fstat (fd, &status) < 0 || !S_ISDIR (status.st_mode))
    die ("target", path);
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
