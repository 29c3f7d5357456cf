/* strata-helper unpack FOLDER pid PID | strata-helper unpack FOLDER overlay AT OPTION… -- (TARGET SOURCE)…
   Goes into a container's files (a running one's mount namespace, or its layers mounted for this process alone) and makes
   there what comes in on stdin. Links can lead anywhere they like: there is nothing but the container's own root to reach.
   Each record is struct entry, path, target, content; runtime/engine/copy-in.ts is the other end. */
#define _GNU_SOURCE
#include "common.h"
#include "verbs.h"
#include "mounts.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
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
  COPY_BYTES = 1 << 16,
};

struct entry
{
  uint8_t type; /* f d l h p */
  uint8_t padding[3];
  uint32_t mode, uid, gid;
  int64_t mtime;
  uint64_t size;
  uint32_t path_length, target_length;
} __attribute__ ((packed));

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
  if (length >= MAX_PATH)
    {
      errno = ENAMETOOLONG;
      die ("unpack", "path");
    }
  read_rest (into, length);
  into[length] = '\0';
}

static void
make_parents (char *path)
{
  for (char *slash = strchr (path + 1, '/'); slash != NULL; slash = strchr (slash + 1, '/'))
    {
      *slash = '\0';
      if (mkdir (path, 0755) < 0 && errno != EEXIST)
        die ("unpack", path);
      *slash = '/';
    }
}

/* Folders stay where they are; anything else makes room. */
static void
clear_place (const char *path, bool for_folder)
{
  struct stat status;

  if (lstat (path, &status) < 0 || (for_folder && S_ISDIR (status.st_mode)))
    return;
  if (S_ISDIR (status.st_mode) ? rmdir (path) < 0 : unlink (path) < 0)
    die ("unpack", path);
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

static void
make_file (const struct entry *entry, const char *path)
{
  AUTO_CLOSE int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0)
    die ("unpack", path);
  write_content (fd, entry->size, path);
}

static void
make_entry (const struct entry *entry, const char *path, const char *target)
{
  int result = 0;

  switch (entry->type)
    {
    case 'f':
      make_file (entry, path);
      break;
    case 'd':
      result = mkdir (path, 0700);
      if (result < 0 && errno == EEXIST)
        result = 0;
      break;
    case 'l':
      result = symlink (target, path);
      break;
    case 'h':
      result = link (target, path);
      break;
    case 'p':
      result = mkfifo (path, 0600);
      break;
    default:
      errno = EINVAL;
      result = -1;
    }
  if (result < 0)
    die ("unpack", path);
}

static void
dress (const struct entry *entry, const char *path)
{
  struct timespec times[] = { { .tv_sec = entry->mtime }, { .tv_sec = entry->mtime } };

  if (entry->type == 'h')
    return;
  if (lchown (path, entry->uid, entry->gid) < 0)
    die ("unpack: owner", path);
  if (entry->type != 'l' && chmod (path, entry->mode & 07777) < 0)
    die ("unpack: mode", path);
  if (utimensat (AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
    die ("unpack: time", path);
}

static int
open_namespace (const char *pid, const char *type, struct stat *status)
{
  char path[64];

  snprintf (path, sizeof path, "/proc/%s/ns/%s", pid, type);
  int namespace = open (path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0 || fstat (namespace, status) < 0)
    die ("unpack: enter", path);
  return namespace;
}

/* As the root of its user namespace: where ids are mapped, root of this machine is nobody who could own a file there. */
static void
enter_running (const char *pid)
{
  struct stat own, theirs, status;
  AUTO_CLOSE int mine = open_namespace ("self", "user", &own);
  AUTO_CLOSE int user = open_namespace (pid, "user", &theirs);
  AUTO_CLOSE int mounts = open_namespace (pid, "mnt", &status);
  bool mapped = mine >= 0 && own.st_ino != theirs.st_ino;

  if ((mapped && setns (user, CLONE_NEWUSER) < 0) || setns (mounts, CLONE_NEWNS) < 0)
    die ("unpack: enter", pid);
  if (mapped && (setgroups (0, NULL) < 0 || setresgid (0, 0, 0) < 0 || setresuid (0, 0, 0) < 0))
    die ("unpack: user", pid);
}

static void
enter_layers (char **argv)
{
  char *root[1024] = { "root-overlay", argv[0], "slave" };
  size_t count = 3;
  char **rest = argv + 1;

  for (; *rest != NULL && strcmp (*rest, "--") != 0; rest++)
    if (count < sizeof root / sizeof *root - 1)
      root[count++] = *rest;
  if (unshare (CLONE_NEWNS) < 0)
    die ("unpack: unshare", "mount");
  root_overlay (root);
  if (*rest != NULL)
    for (rest++; rest[0] != NULL && rest[1] != NULL && rest[2] != NULL; rest += 3)
      mount_bind ((char *[]) { "bind", rest[0], rest[1], "1", "0", "0", "0", "0", rest[2], NULL });
  root_pivot ((char *[]) { "pivot", NULL });
}

int
unpack_main (int argc, char **argv)
{
  static char path[MAX_PATH], target[MAX_PATH];
  struct entry entry;

  if (argc < 4)
    return 2;
  if (strcmp (argv[2], "pid") == 0)
    enter_running (argv[3]);
  else
    enter_layers (argv + 3);
  if (chdir (argv[1]) < 0)
    die ("unpack: folder", argv[1]);
  umask (0);
  while (read_whole (&entry, sizeof entry))
    {
      read_text (path, entry.path_length);
      read_text (target, entry.target_length);
      make_parents (path);
      clear_place (path, entry.type == 'd');
      make_entry (&entry, path, target);
      dress (&entry, path);
    }
  return 0;
}
