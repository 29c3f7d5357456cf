/* The log file: one record a line, as docker's json-file or as CRI. A line longer than 16 KiB is cut into parts.
   A file that is full is renamed to NAME.1, that one to NAME.2 and so on; the last is removed. */
#define _GNU_SOURCE
#include "common.h"
#include "launch.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 16384
/* A byte becomes at most six characters; the frame around the text is below 128. */
#define RECORD_BYTES (LINE_BYTES * 6 + 128)

static int log_fd = -1;
static char *log_path;
static unsigned long long log_size, log_limit; /* bytes; limit 0 is none */
static unsigned long long log_count; /* of files, this one too */
static bool log_torn;                /* a full disk took the end of the last record */
static struct /* without an initial value, so that it takes no room before it is used */
{
  bool cri;
  char line[2][LINE_BYTES];
  size_t size[2];
  char record[RECORD_BYTES];
} log_file;

static bool
open_file (void)
{
  struct stat found;

  log_fd = open (log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  log_size = log_fd >= 0 && fstat (log_fd, &found) == 0 ? found.st_size : 0;
  return log_fd >= 0;
}

bool
log_open (const char *path, bool cri, unsigned long long limit, unsigned long long count)
{
  log_path = strdup (path);
  log_file.cri = cri;
  log_limit = limit;
  log_count = count;
  return log_path != NULL && open_file ();
}

static void
name_of (char *name, unsigned long long number)
{
  if (number == 0)
    snprintf (name, PATH_MAX, "%s", log_path);
  else
    snprintf (name, PATH_MAX, "%s.%llu", log_path, number);
}

/* Readers hold the file that they read: it is renamed or removed, never emptied. */
static void
rotate (void)
{
  char from[PATH_MAX], to[PATH_MAX];
  unsigned long long last = 0; /* the highest number that a file will have: not far above those that are there */
  int full = log_fd;

  do
    name_of (to, ++last);
  while (last + 1 < log_count && access (to, F_OK) == 0);
  for (unsigned long long i = log_count > 1 ? last : 0; i > 0; i--)
    {
      name_of (from, i - 1);
      name_of (to, i);
      rename (from, to);
    }
  if (log_count <= 1)
    unlink (log_path);
  if (open_file ())
    close (full);
  else
    log_fd = full; /* no room for another file: on with this one */
}

/* Length of the UTF-8 sequence at `text`, or 0 when it is none (overlong forms and surrogates are none). */
static size_t
utf8_length (const unsigned char *text, size_t size)
{
  size_t length = text[0] < 0x80 ? 1 : text[0] >= 0xc2 && text[0] < 0xe0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 : text[0] >= 0xf0 && text[0] < 0xf5 ? 4 : 0;

  if (length == 0 || length > size)
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((text[i] & 0xc0) != 0x80)
      return 0;
  if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] >= 0xa0))
    return 0;
  if ((text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90))
    return 0;
  return length;
}

/* Appends `text` as the inside of a JSON string. */
static size_t
json_escape (char *to, const char *text, size_t size)
{
  char *start = to;

  for (size_t i = 0, step; i < size; i += step)
    {
      unsigned char c = text[i];
      step = utf8_length ((const unsigned char *) text + i, size - i);
      if (step == 0)
        {
          step = 1;
          to = stpcpy (to, "\\ufffd");
        }
      else if (c == '"' || c == '\\')
        to += sprintf (to, "\\%c", c);
      else if (c == '\n')
        to = stpcpy (to, "\\n");
      else if (c < 0x20 || c == 0x7f)
        to += sprintf (to, "\\u%04x", c);
      else
        to = mempcpy (to, text + i, step);
    }
  return to - start;
}

static void
write_record (int stream, bool ended)
{
  const char *name = stream == 0 ? "stdout" : "stderr";
  char time[48], *to = log_file.record;

  record_time (time, sizeof time);
  if (log_torn)
    *to++ = '\n'; /* this one is not to be lost with it */
  if (log_file.cri)
    {
      to += sprintf (to, "%s %s %c ", time, name, ended ? 'F' : 'P');
      to = mempcpy (to, log_file.line[stream], log_file.size[stream]);
      *to++ = '\n';
    }
  else
    {
      to = stpcpy (to, "{\"log\":\"");
      to += json_escape (to, log_file.line[stream], log_file.size[stream]);
      to += sprintf (to, "%s\",\"stream\":\"%s\",\"time\":\"%s\"}\n", ended ? "\\n" : "", name, time);
    }
  log_file.size[stream] = 0;
  if (log_limit > 0 && log_size > 0 && log_size + (to - log_file.record) > log_limit)
    rotate ();
  ssize_t written = write (log_fd, log_file.record, to - log_file.record);
  if (written <= 0)
    return; /* a full disk must not stop the container */
  log_torn = written < to - log_file.record;
  log_size += written;
}

void
log_feed (int stream, const char *data, size_t size)
{
  while (log_fd >= 0 && size > 0)
    {
      const char *end = memchr (data, '\n', size);
      size_t text = end == NULL ? size : (size_t) (end - data);
      size_t room = LINE_BYTES - log_file.size[stream];
      bool fits = text <= room;
      size_t take = fits ? text : room;
      memcpy (log_file.line[stream] + log_file.size[stream], data, take);
      log_file.size[stream] += take;
      if (!fits || end != NULL)
        write_record (stream, fits);
      take += fits && end != NULL;
      data += take;
      size -= take;
    }
}

void
log_end (void)
{
  for (int stream = 0; stream < 2; stream++)
    if (log_file.size[stream] > 0)
      write_record (stream, false);
}
