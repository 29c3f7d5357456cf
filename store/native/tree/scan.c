/* strata-tree scan FOLDER [--plain | --epoch SECONDS]: one quick walk of a tree, with xattrs, as records in bytewise order of their paths. */
#define _GNU_SOURCE
#include "tree.h"
#include "common.h"
#include "type-letter.h"
#include <dirent.h>
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
  MAX_PATH = 4096,          /* bytes of a path below the folder; deeper trees are refused */
  MAX_XATTR_LIST = 1 << 16, /* the kernel's own bounds (XATTR_LIST_MAX, XATTR_SIZE_MAX) */
};

/* One path as it is written out; path, target and xattrs follow. */
struct record
{
  uint32_t length;
  uint8_t type;
  uint8_t clamped;
  uint16_t xattrs;
  uint32_t mode, uid, gid, nlink, major, minor;
  int64_t size, mtime;
  uint32_t mtime_nsec, ctime_nsec;
  int64_t ctime;
  uint64_t dev, ino;
  uint32_t path_length, target_length;
} __attribute__ ((packed));

struct buffer
{
  char *bytes;
  size_t length, capacity;
};

struct scan
{
  struct buffer out;
  size_t *starts; /* offset of each record in out */
  size_t count, capacity;
  dev_t dev;
  bool clamp, plain;
  int64_t epoch;
  char path[MAX_PATH];
};

static void *
grow (void *pointer, size_t *capacity, size_t wanted, size_t each)
{
  size_t next = *capacity ? *capacity : 1024;

  while (next < wanted)
    next *= 2;
  if (next == *capacity)
    return pointer;
  pointer = realloc (pointer, next * each);
  if (pointer == NULL)
    die ("allocate", "memory");
  *capacity = next;
  return pointer;
}

static void *
reserve (struct buffer *out, size_t bytes)
{
  out->bytes = grow (out->bytes, &out->capacity, out->length + bytes, 1);
  return out->bytes + out->length;
}

static void
append (struct buffer *out, const void *bytes, size_t length)
{
  memcpy (reserve (out, length), bytes, length);
  out->length += length;
}

/* Appends name and value of every xattr; returns how many. `/proc/self/fd/N/name` names a link itself, never its target. */
static uint16_t
append_xattrs (struct scan *scan, int parent, const char *name)
{
  static char names[MAX_XATTR_LIST], value[MAX_XATTR_LIST];
  char file[300];
  ssize_t length;
  uint16_t count = 0;

  snprintf (file, sizeof file, "/proc/self/fd/%d/%s", parent, name);
  length = llistxattr (file, names, sizeof names);
  if (length < 0 && errno != ENOTSUP)
    die ("llistxattr", scan->path);
  for (const char *at = names; length > 0 && at < names + length; at += strlen (at) + 1)
    {
      ssize_t size = lgetxattr (file, at, value, sizeof value);
      uint32_t lengths[2] = { strlen (at), size < 0 ? 0 : size };

      if (size < 0)
        continue; /* hidden from us, or gone meanwhile */
      append (&scan->out, lengths, sizeof lengths);
      append (&scan->out, at, lengths[0]);
      append (&scan->out, value, lengths[1]);
      count++;
    }
  return count;
}

/* The one xattr that a copy of somebody's folder keeps; only programs have it. */
static uint16_t
append_capability (struct scan *scan, int parent, const char *name, const struct stat *st)
{
  static const char key[] = "security.capability";
  char file[300], value[MAX_CAPABILITY];
  uint32_t lengths[2] = { sizeof key - 1, 0 };

  if (!S_ISREG (st->st_mode) || (st->st_mode & 0111) == 0)
    return 0;
  snprintf (file, sizeof file, "/proc/self/fd/%d/%s", parent, name);
  lengths[1] = read_capability (file, value);
  if (lengths[1] == 0)
    return 0;
  append (&scan->out, lengths, sizeof lengths);
  append (&scan->out, key, lengths[0]);
  append (&scan->out, value, lengths[1]);
  return 1;
}

static bool
clamp (struct scan *scan, int parent, const char *name, struct stat *st)
{
  struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = scan->epoch } };

  if (!scan->clamp || st->st_mtim.tv_sec < scan->epoch || (st->st_mtim.tv_sec == scan->epoch && st->st_mtim.tv_nsec == 0))
    return false;
  if (utimensat (parent, name, times, AT_SYMLINK_NOFOLLOW) < 0)
    die ("utimensat", scan->path);
  st->st_mtim = times[1];
  return true;
}

static void
append_record (struct scan *scan, int parent, const char *name, struct stat *st)
{
  char target[MAX_PATH];
  size_t start = scan->out.length;
  ssize_t target_length = 0;
  struct record record = { .type = type_letter (st->st_mode), .clamped = clamp (scan, parent, name, st) };

  if (S_ISLNK (st->st_mode) && (target_length = readlinkat (parent, name, target, sizeof target)) < 0)
    die ("readlinkat", scan->path);
  record.mode = st->st_mode & 07777;
  record.uid = st->st_uid;
  record.gid = st->st_gid;
  record.nlink = st->st_nlink;
  record.major = major (st->st_rdev);
  record.minor = minor (st->st_rdev);
  record.size = st->st_size;
  record.mtime = st->st_mtim.tv_sec;
  record.mtime_nsec = st->st_mtim.tv_nsec;
  record.ctime = st->st_ctim.tv_sec;
  record.ctime_nsec = st->st_ctim.tv_nsec;
  record.dev = st->st_dev;
  record.ino = st->st_ino;
  record.path_length = strlen (scan->path);
  record.target_length = target_length;

  scan->starts = grow (scan->starts, &scan->capacity, scan->count + 1, sizeof *scan->starts);
  scan->starts[scan->count++] = start;
  append (&scan->out, &record, sizeof record);
  append (&scan->out, scan->path, record.path_length);
  append (&scan->out, target, target_length);
  record.xattrs = scan->plain ? append_capability (scan, parent, name, st) : append_xattrs (scan, parent, name);
  record.length = scan->out.length - start;
  memcpy (scan->out.bytes + start, &record, sizeof record);
}

static void
close_directory (DIR **directory)
{
  if (*directory != NULL)
    closedir (*directory);
}

/* Walks the open folder `fd` (taken over), whose path below the root is the first `length` bytes of scan->path. */
static void
scan_directory (struct scan *scan, int fd, size_t length)
{
  __attribute__ ((cleanup (close_directory))) DIR *directory = fdopendir (fd);
  struct dirent *entry;

  if (directory == NULL)
    die ("fdopendir", scan->path);
  while ((errno = 0, entry = readdir (directory)) != NULL)
    {
      struct stat st;
      int written, child;

      if (strcmp (entry->d_name, ".") == 0 || strcmp (entry->d_name, "..") == 0)
        continue;
      written = snprintf (scan->path + length, MAX_PATH - length, "%s%s", length > 0 ? "/" : "", entry->d_name);
      if ((size_t) written >= MAX_PATH - length)
        errno = ENAMETOOLONG, die ("scan", scan->path);
      if (fstatat (fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        {
          if (errno == ENOENT)
            continue; /* gone since readdir */
          die ("fstatat", scan->path);
        }
      append_record (scan, fd, entry->d_name, &st);
      if (!S_ISDIR (st.st_mode) || st.st_dev != scan->dev)
        continue;
      child = openat (fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      if (child < 0)
        die ("openat", scan->path);
      scan_directory (scan, child, length + written);
    }
  if (errno != 0)
    die ("readdir", scan->path);
}

static int
by_path (const void *left, const void *right, void *bytes)
{
  const struct record *a = (const void *) ((char *) bytes + *(const size_t *) left);
  const struct record *b = (const void *) ((char *) bytes + *(const size_t *) right);
  size_t shorter = a->path_length < b->path_length ? a->path_length : b->path_length;
  int order = memcmp (a + 1, b + 1, shorter);

  return order != 0 ? order : (a->path_length > b->path_length) - (a->path_length < b->path_length);
}

int
scan_main (int argc, char **argv)
{
  static struct scan scan;
  struct stat st;
  bool plain = argc == 3 && strcmp (argv[2], "--plain") == 0, clamp = argc == 4 && strcmp (argv[2], "--epoch") == 0;

  if (argc != 2 && !plain && !clamp)
    return 2;
  int fd = open (argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fstat (fd, &st) < 0)
    die ("open", argv[1]);
  scan.dev = st.st_dev;
  scan.plain = plain;
  scan.clamp = clamp;
  scan.epoch = clamp ? strtoll (argv[3], NULL, 10) : 0;
  scan_directory (&scan, fd, 0);
  if (scan.count > 0)
    qsort_r (scan.starts, scan.count, sizeof *scan.starts, by_path, scan.out.bytes);
  for (size_t i = 0; i < scan.count; i++)
    {
      const struct record *record = (const void *) (scan.out.bytes + scan.starts[i]);

      if (fwrite (record, record->length, 1, stdout) != 1)
        die ("write", "records");
    }
  if (fflush (stdout) != 0)
    die ("write", "records");
  return 0;
}
