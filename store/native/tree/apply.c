/* strata-tree apply FOLDER: what Node has no call for (device nodes, xattrs, owners and times of links), wish by wish from stdin. */
#define _GNU_SOURCE
#include "tree.h"
#include "common.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum
{
  MAX_OPERATION = 1 << 20, /* bytes */
};

/* One wish; path, name and value follow. What a, b, c and d mean is each operation's own affair. */
struct operation
{
  uint32_t length;
  uint8_t code;
  uint8_t unused[3];
  uint32_t a, b;
  int64_t c;
  uint32_t d;
  uint32_t path_length, name_length, value_length;
} __attribute__ ((packed));

/* fchmodat follows links, so whoever is one is left alone: links have no mode. */
static int
change_mode (int parent, const char *name, mode_t mode)
{
  struct stat st;

  if (fstatat (parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return -1;
  return S_ISLNK (st.st_mode) ? 0 : fchmodat (parent, name, mode, 0);
}

static int
set_xattr (int parent, const char *name, const char *xattr, const void *value, size_t length)
{
  char file[300];

  snprintf (file, sizeof file, "/proc/self/fd/%d/%s", parent, name);
  return lsetxattr (file, xattr, value, length, 0);
}

/* A user namespace may make whiteouts, but no device: an empty file keeps its place, for a container has its own /dev. */
static int
make_node (int folder, const char *name, mode_t mode, dev_t number)
{
  int made = mknodat (folder, name, mode, number);

  if (made < 0 && errno == EPERM && number != 0 && (S_ISCHR (mode) || S_ISBLK (mode)))
    made = mknodat (folder, name, S_IFREG | (mode & 07777), 0);
  return made;
}

static void
execute (int root, const struct operation *operation, char *path, const char *xattr, const void *value)
{
  const char *name;
  AUTO_CLOSE int parent = open_parent (root, path, &name);
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = operation->c, .tv_nsec = operation->d } };

  switch (operation->code)
    {
    case 'm':
      if (make_node (parent, name, operation->a, makedev (operation->b, operation->d)) < 0)
        die ("mknodat", path);
      return;
    case 'x':
      if (set_xattr (parent, name, xattr, value, operation->value_length) < 0)
        die ("lsetxattr", path);
      return;
    case 'o':
      if (fchownat (parent, name, operation->a, operation->b, AT_SYMLINK_NOFOLLOW) < 0)
        die ("fchownat", path);
      return;
    case 'c':
      if (change_mode (parent, name, operation->a) < 0)
        die ("fchmodat", path);
      return;
    case 't':
      if (utimensat (parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        die ("utimensat", path);
      return;
    default:
      errno = EINVAL;
      die ("operation", path);
    }
}

/* Copies `length` bytes out of a record and ends them with a zero. */
static char *
text (const char *bytes, size_t length)
{
  char *copy = strndup (bytes, length);

  if (copy == NULL)
    die ("allocate", "memory");
  return copy;
}

static bool
read_operation (struct operation *operation, char **rest)
{
  if (fread (operation, sizeof *operation, 1, stdin) != 1)
    return false;
  if (operation->length < sizeof *operation || operation->length > MAX_OPERATION
      || (uint64_t) operation->path_length + operation->name_length + operation->value_length != operation->length - sizeof *operation)
    errno = EBADMSG, die ("read", "operation");
  *rest = malloc (operation->length - sizeof *operation + 1);
  if (*rest == NULL || (operation->length > sizeof *operation && fread (*rest, operation->length - sizeof *operation, 1, stdin) != 1))
    die ("read", "operation");
  return true;
}

int
apply_main (int argc, char **argv)
{
  if (argc != 2)
    return 2;
  const char *folder = argv[1];
  AUTO_CLOSE int root = open (folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  struct operation operation;

  if (root < 0)
    die ("open", folder);
  umask (0);
  for (;;)
    {
      AUTO_FREE char *rest = NULL, *path = NULL, *name = NULL;

      if (!read_operation (&operation, &rest))
        return ferror (stdin) ? (die ("read", "operation"), 1) : 0;
      path = text (rest, operation.path_length);
      name = text (rest + operation.path_length, operation.name_length);
      execute (root, &operation, path, name, rest + operation.path_length + operation.name_length);
    }
}
