/* strata-helper unpack FOLDER PLACE…: makes in a container's files what comes in on stdin; PLACE is enter.h's.
   Links can lead anywhere they like, and change while we work: there is nothing but the container's own root to reach.
   Each record is struct entry, path, target, content; runtime/engine/copy-in.ts is the other end. */
#define _GNU_SOURCE
#include "common.h"
#include "enter.h"
#include "entry.h"
#include "verbs.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum
{
  COPY_BYTES = 1 << 16,
};

/* False at the end of input, when nothing of it has come yet. */
static bool
read_whole (void *into, size_t size)
{
  size_t got = 0;

  while (got < size)
    {
      ssize_t more = read (STDIN_FILENO, (char *) into + got, size - got);
      if (more < 0 && errno == EINTR)
        continue;
      if (more == 0 && got == 0)
        return false;
      if (more <= 0)
        {
          errno = more == 0 ? EPIPE : errno;
          die ("unpack", "input");
        }
      got += more;
    }
  return true;
}

/* What an entry has announced. */
static void
read_rest (void *into, size_t size)
{
  if (size == 0 || read_whole (into, size))
    return;
  errno = EPIPE;
  die ("unpack", "input");
}

static void
read_text (char *into, uint32_t length)
{
  if (length >= MAX_ENTRY_PATH)
    die_of (ENAMETOOLONG, "unpack", "path");
  read_rest (into, length);
  into[length] = '\0';
}

/* The folder that `path` lies in, made when missing; `*name` is the last part. */
static int
open_parent (char *path, const char **name)
{
  char *last = strrchr (path, '/');

  *name = last == NULL ? path : last + 1;
  if (last == NULL)
    return open_inside (".", O_PATH | O_DIRECTORY);
  *last = '\0';
  int fd = open_inside (path, O_PATH | O_DIRECTORY);
  if (fd < 0 && errno == ENOENT)
    {
      const char *part;
      AUTO_CLOSE int above = open_parent (path, &part);
      if (above >= 0 && mkdirat (above, part, 0755) < 0 && errno != EEXIST)
        die ("unpack", path);
      fd = open_inside (path, O_PATH | O_DIRECTORY);
    }
  *last = '/';
  return fd;
}

/* Folders stay where they are; anything else makes room. */
static void
clear_place (int folder, const char *name, bool for_folder)
{
  struct stat status;

  if (fstatat (folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || (for_folder && S_ISDIR (status.st_mode)))
    return;
  if (unlinkat (folder, name, S_ISDIR (status.st_mode) ? AT_REMOVEDIR : 0) < 0)
    die ("unpack", name);
}

static void
write_content (int fd, uint64_t size, const char *path)
{
  static char buffer[COPY_BYTES];

  while (size > 0)
    {
      size_t piece = size < COPY_BYTES ? size : COPY_BYTES;
      read_rest (buffer, piece);
      for (size_t done = 0; done < piece;)
        {
          ssize_t wrote = write (fd, buffer + done, piece - done);
          if (wrote < 0)
            die ("unpack", path);
          done += wrote;
        }
      size -= piece;
    }
}

/* What was just made, by descriptor: its name may be another's by now. */
static void
dress (const struct entry *entry, int fd, const char *name)
{
  struct timespec times[] = { { .tv_sec = entry->mtime }, { .tv_sec = entry->mtime } };

  if (fd < 0)
    die ("unpack", name);
  if (fchown (fd, entry->uid, entry->gid) < 0)
    die ("unpack: owner", name);
  if (fchmod (fd, entry->mode & 07777) < 0)
    die ("unpack: mode", name);
  if (futimens (fd, times) < 0)
    die ("unpack: time", name);
}

static void
make_file (const struct entry *entry, int folder, const char *name)
{
  AUTO_CLOSE int fd = openat (folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    die ("unpack", name);
  write_content (fd, entry->size, name);
  dress (entry, fd, name);
}

static void
make_folder (const struct entry *entry, int folder, const char *name)
{
  if (mkdirat (folder, name, 0700) < 0 && errno != EEXIST)
    die ("unpack", name);
  AUTO_CLOSE int fd = openat (folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  dress (entry, fd, name);
}

/* A link or a pipe is never opened: both are dressed by name, and no link is followed for it. */
static void
make_other (const struct entry *entry, int folder, const char *name, const char *target)
{
  struct timespec times[] = { { .tv_sec = entry->mtime }, { .tv_sec = entry->mtime } };
  int made = entry->type == 'l' ? symlinkat (target, folder, name) : mkfifoat (folder, name, entry->mode & 07777);

  if (made < 0)
    die ("unpack", name);
  if (fchownat (folder, name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) < 0)
    die ("unpack: owner", name);
  if (utimensat (folder, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    die ("unpack: time", name);
}

static void
make_link (int folder, const char *name, char *target)
{
  const char *last;
  AUTO_CLOSE int from = open_parent (target, &last);

  if (from < 0 || linkat (from, last, folder, name, 0) < 0)
    die ("unpack", name);
}

static void
make_entry (const struct entry *entry, char *path, char *target)
{
  const char *name;
  AUTO_CLOSE int folder = open_parent (path, &name);

  if (folder < 0)
    die ("unpack", path);
  clear_place (folder, name, entry->type == 'd');
  switch (entry->type)
    {
    case 'f':
      make_file (entry, folder, name);
      break;
    case 'd':
      make_folder (entry, folder, name);
      break;
    case 'h':
      make_link (folder, name, target);
      break;
    case 'l':
    case 'p':
      make_other (entry, folder, name, target);
      break;
    default:
      errno = EINVAL;
      die ("unpack", path);
    }
}

int
unpack_main (int argc, char **argv)
{
  static char path[MAX_ENTRY_PATH], target[MAX_ENTRY_PATH];
  struct entry entry;

  if (argc < 4)
    return 2;
  enter_container (argv + 2);
  AUTO_CLOSE int folder = open_inside (argv[1], O_PATH | O_DIRECTORY);
  if (folder < 0 || fchdir (folder) < 0)
    die ("unpack: folder", argv[1]);
  umask (0);
  while (read_whole (&entry, sizeof entry))
    {
      read_text (path, entry.path_length);
      read_text (target, entry.target_length);
      make_entry (&entry, path, target);
    }
  return 0;
}
