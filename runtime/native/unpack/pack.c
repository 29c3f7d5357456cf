/* strata-helper pack PATH only|whole|own follow|keep PLACE…: what is at PATH in a container's files, and below it, as entries on stdout; PLACE is enter.h's.
   "own" leaves out what other mounts hold: where they begin is an empty folder, or an empty file.
   Whatever programs in there make of the parts of a path meanwhile, what is read lies in the container: every folder is opened from the one
   before, no link is followed but those on the way to PATH, and those lead nowhere else. Nothing but plain files is ever opened for reading. */
#define _GNU_SOURCE
#include "common.h"
#include "enter.h"
#include "entry.h"
#include "type-letter.h"
#include "verbs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum
{
  COPY_BYTES = 1 << 16,
  MAX_DEPTH = 500, /* descriptors held open */
};

static char path[MAX_ENTRY_PATH];
/* This machine's, opened before we went in: through it a file that is held already is opened for reading. */
static int proc = -1;
/* The mount that all is of, where only its own is asked for; 0 otherwise. */
static uint64_t only_mount;

/* 0 on kernels before 5.8, which do not tell: then all is of one mount. */
static uint64_t
mount_of (int place)
{
  struct statx status;

  return statx (place, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) == 0 && (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : 0;
}

static void
put (const void *data, size_t size)
{
  if (fwrite (data, 1, size, stdout) != size)
    die ("pack", "output");
}

static void
put_entry (const struct stat *status, const char *target)
{
  bool device = S_ISCHR (status->st_mode) || S_ISBLK (status->st_mode);
  struct entry entry = {
    .type = type_letter (status->st_mode),
    .mode = status->st_mode & 07777,
    .uid = status->st_uid,
    .gid = status->st_gid,
    .mtime = status->st_mtime,
    .size = device ? (uint64_t) major (status->st_rdev) << 32 | minor (status->st_rdev) : S_ISREG (status->st_mode) ? (uint64_t) status->st_size : 0,
    .path_length = strlen (path),
    .target_length = strlen (target),
  };

  put (&entry, sizeof entry);
  put (path, entry.path_length);
  put (target, entry.target_length);
}

/* As many bytes as were said: one that shrinks meanwhile ends in zeros. */
static void
put_content (int fd, uint64_t size)
{
  static char buffer[COPY_BYTES];

  while (size > 0)
    {
      size_t most = size < COPY_BYTES ? size : COPY_BYTES;
      ssize_t got = TEMP_FAILURE_RETRY (read (fd, buffer, most));
      if (got < 0)
        die ("pack", path);
      if (got == 0)
        memset (buffer, 0, got = most);
      put (buffer, got);
      size -= got;
    }
}

static void put_found (int place, bool whole, int depth);

static void
put_folder (int place, int depth)
{
  int fd = openat (place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir (fd);
  size_t length = strlen (path);
  struct dirent *child;

  if (folder == NULL)
    die ("pack", path);
  while ((child = readdir (folder)) != NULL)
    {
      if (strcmp (child->d_name, ".") == 0 || strcmp (child->d_name, "..") == 0)
        continue;
      AUTO_CLOSE int found = openat (fd, child->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
      if (found < 0)
        continue; /* it has just gone */
      if (depth == MAX_DEPTH || snprintf (path + length, sizeof path - length, "%s%s", length == 0 ? "" : "/", child->d_name) >= (int) (sizeof path - length))
        {
          errno = ENAMETOOLONG;
          die ("pack", path);
        }
      put_found (found, true, depth + 1);
      path[length] = '\0';
    }
  closedir (folder);
}

static void
put_file (int place, const struct stat *status)
{
  char name[32];

  snprintf (name, sizeof name, "self/fd/%d", place);
  AUTO_CLOSE int fd = openat (proc, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    die ("pack", path);
  put_content (fd, status->st_size);
}

static void
put_found (int place, bool whole, int depth)
{
  struct stat status;
  char target[MAX_ENTRY_PATH] = "";

  if (fstat (place, &status) < 0)
    die ("pack", path);
  if (S_ISSOCK (status.st_mode))
    return; /* nothing to copy */
  if (S_ISLNK (status.st_mode) && readlinkat (place, "", target, sizeof target - 1) < 0)
    die ("pack", path);
  if (only_mount != 0 && mount_of (place) != only_mount)
    whole = false;
  if (!whole && S_ISREG (status.st_mode))
    status.st_size = 0;
  put_entry (&status, target);
  if (whole && S_ISREG (status.st_mode))
    put_file (place, &status);
  if (whole && S_ISDIR (status.st_mode))
    put_folder (place, depth);
}

int
pack_main (int argc, char **argv)
{
  if (argc < 6)
    return 2;
  proc = open ("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  enter_container (argv + 4);
  AUTO_CLOSE int place = open_inside (argv[1], strcmp (argv[3], "follow") == 0 ? O_PATH : O_PATH | O_NOFOLLOW);
  if (place < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
    die ("pack: nothing", argv[1]);
  if (place < 0)
    die ("pack", argv[1]);
  if (strcmp (argv[2], "own") == 0)
    only_mount = mount_of (place);
  put_found (place, strcmp (argv[2], "only") != 0, 0);
  return fflush (stdout) == 0 ? 0 : 1;
}
