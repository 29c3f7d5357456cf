/* The source of a mount below a folder that programs write into: whatever they turn its parts into meanwhile, links too,
   the kernel finds nothing outside that folder (openat2 with RESOLVE_BENEATH). */
#define _GNU_SOURCE
#include "common.h"
#include "mounts.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel asks for another try when something was renamed while it looked. */
#define MAX_TRIES 100

static int
open_beneath (int top, const char *path)
{
  struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
  int fd = -1;

  for (int tries = 0; fd < 0 && tries < MAX_TRIES && (tries == 0 || errno == EAGAIN); tries++)
    fd = syscall (SYS_openat2, top, *path == '\0' ? "." : path, &how, sizeof how);
  return fd;
}

/* Makes what is missing of `path`, part by part, each in the folder that was opened before it. */
static int
make_beneath (int top, const char *path, mode_t mode)
{
  char prefix[PATH_MAX], part[NAME_MAX + 1];
  int at = open_beneath (top, "");

  for (const char *end = path; at >= 0 && *end != '\0';)
    {
      const char *name = end + strspn (end, "/");
      end = strchrnul (name, '/');
      if (end == name)
        continue;
      snprintf (prefix, sizeof prefix, "%.*s", (int) (end - path), path);
      snprintf (part, sizeof part, "%.*s", (int) (end - name), name);
      int next = open_beneath (top, prefix);
      if (next < 0 && errno == ENOENT && (mkdirat (at, part, mode) == 0 || errno == EEXIST))
        next = open_beneath (top, prefix);
      close (at);
      at = next;
    }
  return at;
}

int
source_beneath (const char *folder, const char *path)
{
  AUTO_CLOSE int top = open (folder, O_PATH | O_CLOEXEC);
  struct stat status;

  if (top < 0 || fstat (top, &status) < 0)
    die ("bind: source", folder);
  while (*path == '/')
    path++;
  int fd = open_beneath (top, path);
  if (fd < 0 && errno == ENOENT)
    fd = make_beneath (top, path, status.st_mode & 07777);
  if (fd < 0)
    die ("bind: sub-path", path);
  return fd;
}
