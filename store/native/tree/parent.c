/* Finding the folder of a path that somebody else may have made: beneath a root, through no link. */
#define _GNU_SOURCE
#include "tree.h"
#include "common.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int
open_parent (int root, char *path, const char **last)
{
  struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
  char *slash = strrchr (path, '/');
  int fd;

  *last = slash != NULL ? slash + 1 : path;
  if (slash != NULL)
    *slash = '\0';
  fd = syscall (SYS_openat2, root, slash != NULL ? path : ".", &how, sizeof how);
  if (slash != NULL)
    *slash = '/';
  if (strcmp (*last, "") == 0 || strcmp (*last, "..") == 0)
    errno = EINVAL, die ("openat2", path);
  if (fd < 0)
    die ("openat2", path);
  return fd;
}
