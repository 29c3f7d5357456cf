/* strata-tree write FOLDER: makes a new layer's files as wishes for them come in on stdin, in the order of its tar, and sends
   that tar to stdout, so that each file is read once. Headers come ready made: store/layer/create-natively.ts is the other end. */
#define _GNU_SOURCE
#include "tree.h"
#include "common.h"
#include "tar.h"
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum
{
  MAX_PATH = 4096,
  MAX_TEXT = 1 << 16,
  CREATE_MODE = 0755, /* never writable for others, not even for a moment */
};

/* The folder that the last path was in: neighbours come one after the other. */
struct folder
{
  int root, fd;
  char path[MAX_TEXT];
};

static struct folder layer, sources;
static void *linked; /* inodes that have a name in this layer already */

/* Makes `folder` the one that holds `path`; returns the name in it. */
static const char *
enter (struct folder *folder, char *path)
{
  char *slash = strrchr (path, '/');
  size_t length = slash != NULL ? slash - path : 0;
  const char *name = slash != NULL ? slash + 1 : path;

  if (folder->fd >= 0 && strncmp (folder->path, path, length) == 0 && folder->path[length] == '\0')
    return name;
  close_fd (&folder->fd);
  memcpy (folder->path, path, length);
  folder->path[length] = '\0';
  folder->fd = folder->root == AT_FDCWD ? open (length > 0 ? folder->path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC) : open_parent (folder->root, path, &name);
  if (folder->fd < 0)
    die ("open", path);
  return name;
}

/* Owner first: changing it clears the set-id bits. Times last. */
static void
dress (int fd, const struct wish *wish, mode_t present, const char *path)
{
  struct timespec times[2] = { { .tv_sec = wish->mtime }, { .tv_sec = wish->mtime } };

  if ((wish->uid != geteuid () || wish->gid != getegid ()) && fchown (fd, wish->uid, wish->gid) < 0)
    die ("fchown", path);
  if (wish->mode != present && fchmod (fd, wish->mode) < 0)
    die ("fchmod", path);
  if (futimens (fd, times) < 0)
    die ("futimens", path);
}

static int
create (const struct wish *wish, const char *name, const char *path)
{
  int fd = openat (layer.fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, wish->mode & CREATE_MODE);

  if (fd < 0)
    die ("create", path);
  return fd;
}

static int
open_source (const char *name, struct stat *st, const char *source)
{
  int fd = openat (sources.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

  if (fd < 0 || fstat (fd, st) < 0)
    die ("open", source);
  if (!S_ISREG (st->st_mode))
    errno = ESTALE, die ("open (it is no plain file any more)", source);
  return fd;
}

/* A file that is there: for the tar of a folder as it is. */
static void
read_file (const struct wish *wish, const char *name, const char *path)
{
  AUTO_CLOSE int input = openat (layer.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

  if (input < 0)
    die ("open", path);
  tar_file (input, wish->size, -1, path);
}

static int
by_number (const void *left, const void *right)
{
  return (left > right) - (left < right);
}

/* A second link to one inode would be a hard link inside this layer, and other metadata would change the first's: both are copied. */
static bool
link_source (const struct wish *wish, const char *from, const char *name, const struct stat *st, const char *path)
{
  void *inode = (void *) (uintptr_t) st->st_ino;

  if (wish->type != 'l' || st->st_uid != wish->uid || st->st_gid != wish->gid || (st->st_mode & 07777) != wish->mode
      || st->st_mtim.tv_sec != wish->mtime || st->st_mtim.tv_nsec != 0 || tfind (inode, &linked, by_number) != NULL)
    return false;
  if (linkat (sources.fd, from, layer.fd, name, 0) < 0)
    {
      if (errno == EXDEV || errno == EMLINK || errno == EPERM)
        return false;
      die ("link", path);
    }
  tsearch (inode, &linked, by_number);
  return true;
}

static void
make_file (const struct wish *wish, const char *name, char *path, char *source)
{
  struct stat st;
  const char *from = enter (&sources, source);
  AUTO_CLOSE int input = open_source (from, &st, source);
  AUTO_CLOSE int target = link_source (wish, from, name, &st, path) ? -1 : create (wish, name, path);

  tar_file (input, wish->size, target, source);
  if (target >= 0)
    dress (target, wish, wish->mode & CREATE_MODE, path);
}

static void
make_content (const struct wish *wish, const char *name, const char *path)
{
  AUTO_CLOSE int target = create (wish, name, path);

  tar_input (wish->size, target, path);
  dress (target, wish, wish->mode & CREATE_MODE, path);
}

static void
make_symlink (const struct wish *wish, const char *name, const char *target, const char *path)
{
  struct timespec times[2] = { { .tv_sec = wish->mtime }, { .tv_sec = wish->mtime } };

  if (symlinkat (target, layer.fd, name) < 0 || fchownat (layer.fd, name, wish->uid, wish->gid, AT_SYMLINK_NOFOLLOW) < 0
      || utimensat (layer.fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    die ("symlink", path);
}

static void
make_hardlink (const char *name, char *target, const char *path)
{
  const char *from;
  AUTO_CLOSE int parent = open_parent (layer.root, target, &from);

  if (linkat (parent, from, layer.fd, name, 0) < 0)
    die ("link", path);
}

static void
dress_folder (const struct wish *wish, const char *name, const char *path)
{
  AUTO_CLOSE int fd = openat (layer.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0)
    die ("open", path);
  dress (fd, wish, CREATE_MODE, path);
}

static void
make (const struct wish *wish, char *path, char *source)
{
  const char *name = enter (&layer, path);

  switch (wish->type)
    {
    case 'd':
      if (mkdirat (layer.fd, name, CREATE_MODE) < 0)
        die ("mkdir", path);
      return;
    case 'f':
    case 'l':
      return make_file (wish, name, path, source);
    case 'b':
      return make_content (wish, name, path);
    case 's':
      return make_symlink (wish, name, source, path);
    case 'r':
      return read_file (wish, name, path);
    case 'h':
      return make_hardlink (name, source, path);
    case 't':
      return dress_folder (wish, name, path);
    default:
      errno = EINVAL;
      die ("make", path);
    }
}

static bool
next_wish (struct wish *wish, char *path, char *source)
{
  if (fread (wish, sizeof *wish, 1, stdin) != 1)
    return false;
  if (wish->path_length >= MAX_PATH || wish->source_length >= MAX_TEXT)
    errno = ENAMETOOLONG, die ("read", "wish");
  tar_input (wish->head_length, -1, "tar");
  tar_read (path, wish->path_length);
  path[wish->path_length] = '\0';
  tar_read (source, wish->source_length);
  source[wish->source_length] = '\0';
  if (wish->head_length == 0 && strchr ("dDflbr", wish->type) != NULL)
    {
      if (wish->path_length + (wish->type == 'd' || wish->type == 'D') > TAR_NAME_BYTES)
        errno = ENAMETOOLONG, die ("write header of", path);
      tar_header (wish, path);
    }
  return true;
}

int
write_main (int argc, char **argv)
{
  static char path[MAX_PATH], source[MAX_TEXT];
  struct wish wish;

  if (argc != 2)
    return 2;
  layer.fd = sources.fd = -1;
  sources.root = AT_FDCWD;
  layer.root = open (argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (layer.root < 0)
    die ("open", argv[1]);
  umask (0);
  while (next_wish (&wish, path, source))
    {
      if (wish.type != 'n' && wish.type != 'D')
        make (&wish, path, source);
      tar_pad (wish.size);
    }
  if (ferror (stdin))
    die ("read", "wish");
  tar_end ();
  return 0;
}
