/* The tar of a layer on its way to stdout: headers, and contents that are read once for the tar and for the file. */
#define _GNU_SOURCE
#include "tar.h"
#include "common.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum
{
  BLOCK_BYTES = 512,
  OUT_BYTES = 1 << 20,
};

static char out[OUT_BYTES];
static size_t used;

static void
write_all (int fd, const char *bytes, size_t length, const char *path)
{
  while (length > 0)
    {
      ssize_t written = write (fd, bytes, length);

      if (written < 0 && errno != EINTR)
        die ("write", path);
      bytes += written < 0 ? 0 : written;
      length -= written < 0 ? 0 : written;
    }
}

/* How much of `wanted` fits into the output now; never nothing. */
static size_t
room (uint64_t wanted)
{
  if (used == OUT_BYTES)
    {
      write_all (STDOUT_FILENO, out, used, "tar");
      used = 0;
    }
  return wanted < OUT_BYTES - used ? wanted : OUT_BYTES - used;
}

void
tar_read (void *into, size_t length)
{
  if (length > 0 && fread (into, length, 1, stdin) != 1)
    errno = EBADMSG, die ("read", "wish");
}

void
tar_input (uint64_t left, int target, const char *path)
{
  while (left > 0)
    {
      size_t piece = room (left);

      tar_read (out + used, piece);
      if (target >= 0)
        write_all (target, out + used, piece, path);
      used += piece;
      left -= piece;
    }
}

void
tar_file (int source, uint64_t left, int target, const char *path)
{
  while (left > 0)
    {
      ssize_t piece = read (source, out + used, room (left));

      if (piece < 0)
        die ("read", path);
      if (piece == 0)
        errno = ESTALE, die ("read (it shrank)", path);
      if (target >= 0)
        write_all (target, out + used, piece, path);
      used += piece;
      left -= piece;
    }
}

static void
append (const char *bytes, size_t left)
{
  while (left > 0)
    {
      size_t piece = room (left);

      memcpy (out + used, bytes, piece);
      used += piece;
      bytes += piece;
      left -= piece;
    }
}

void
tar_pad (uint64_t size)
{
  static const char zeros[BLOCK_BYTES];

  append (zeros, (BLOCK_BYTES - size % BLOCK_BYTES) % BLOCK_BYTES);
}

static void
octal (char *at, uint64_t value, int digits)
{
  for (; digits > 0; value >>= 3)
    at[--digits] = '0' + (value & 7);
}

void
tar_header (const struct wish *wish, const char *path)
{
  char block[BLOCK_BYTES] = "";
  unsigned sum = 0;
  bool is_folder = wish->type == 'd' || wish->type == 'D';

  memcpy (block, path, wish->path_length);
  if (is_folder)
    block[wish->path_length] = '/';
  octal (block + 100, wish->mode, 7);
  octal (block + 108, wish->uid, 7);
  octal (block + 116, wish->gid, 7);
  octal (block + 124, wish->size, 11);
  octal (block + 136, wish->mtime, 11);
  memset (block + 148, ' ', 8);
  block[156] = is_folder ? '5' : '0';
  memcpy (block + 257, "ustar\0" "00", 8);
  octal (block + 329, 0, 7);
  octal (block + 337, 0, 7);
  for (size_t i = 0; i < sizeof block; i++)
    sum += (unsigned char) block[i];
  octal (block + 148, sum, 6);
  block[154] = '\0';
  append (block, sizeof block);
}

void
tar_end (void)
{
  write_all (STDOUT_FILENO, out, used, "tar");
  used = 0;
}
