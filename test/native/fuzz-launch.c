/* Fuzzes what strata-helper reads: operation lists (`fuzz-launch`), and with FRAMES=1 what clients of the monitor send. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "verbs.h"
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  QUIET_MS = 100,
};

static Input list;  /* what starts the container whose monitor is fuzzed */
static bool frames; /* that is what is fuzzed */

/* The types of the frames that came, for whoever wants to know what an input led to. */
static void
show (const uint8_t *heard, size_t size)
{
  printf ("frames");
  for (size_t at = 0; at + 5 <= size;)
    {
      uint32_t length;
      memcpy (&length, heard + at + 1, sizeof length);
      printf (" %d", heard[at]);
      at += 5 + (size_t) length;
    }
  if (size > 5 && heard[0] == 5)
    for (size_t i = 5; i < size; i++)
      putchar (heard[i] == 0 ? 32 : heard[i]);
  printf ("\n");
  fflush (stdout);
}

/* Whoever asked for the launch: sends the list and what follows it, and listens until there is nothing more to hear. */
static void
play_client (int fd, const Input *operations, const Input *sent)
{
  static uint8_t heard[1 << 20];
  struct pollfd more = { .fd = fd, .events = POLLIN };
  size_t size = 0;
  ssize_t got;

  if (send (fd, operations->bytes, operations->size, MSG_NOSIGNAL) < 0 || send (fd, sent->bytes, sent->size, MSG_NOSIGNAL) < 0)
    return;
  while (size < sizeof heard && poll (&more, 1, getenv ("SHOW") != NULL ? 30 * QUIET_MS : frames ? QUIET_MS / 5 : QUIET_MS) > 0 && (got = recv (fd, heard + size, sizeof heard - size, 0)) > 0)
    size += got;
  if (getenv ("SHOW") != NULL)
    show (heard, size);
}

/* The helper on descriptor 3 of a child; a crash of it becomes this process's own. */
static void
launch (const Input *operations, const Input *sent)
{
  int ends[2], status = 0;

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    _exit (2);
  pid_t helper = fork ();
  if (helper == 0)
    {
      dup2 (ends[1], 3);
      _exit (launch_main (3, (char *[]) { "launch", "0", "sealed", NULL }));
    }
  close (ends[1]);
  play_client (ends[0], operations, sent);
  close (ends[0]);
  waitpid (helper, &status, 0);
  if (WIFSIGNALED (status))
    raise (WTERMSIG (status));
}

static void
run (const Input *input)
{
  if (frames)
    launch (&list, input);
  else
    launch (input, &(Input) { (uint8_t[]) { 18, 0, 0, 0, 0 }, 5 }); /* the end of its standard input */
}

/* Whole records and fields, so that what follows a change is still understood; the lengths then fit again. */
typedef struct
{
  size_t start, end;
} Span;

enum
{
  MAX_SPANS = 4096,
};

static uint32_t
number_at (const Input *input, size_t at)
{
  uint32_t value = 0;

  if (at + 4 <= input->size)
    memcpy (&value, input->bytes + at, 4);
  return value;
}

/* The fields of all records, or the records themselves. */
static size_t
spans_of (const Input *input, bool of_fields, Span *spans)
{
  size_t count = 0, at = 4;

  while (at + 4 <= input->size && count < MAX_SPANS)
    {
      size_t start = at;
      uint32_t fields = number_at (input, at);
      at += 4;
      for (uint32_t i = 0; i < fields && at + 4 <= input->size && count < MAX_SPANS; i++)
        {
          size_t end = at + 4 + (size_t) number_at (input, at) + 1;
          if (end > input->size)
            return count;
          if (of_fields)
            spans[count++] = (Span) { at, end };
          at = end;
        }
      if (!of_fields)
        spans[count++] = (Span) { start, at };
    }
  return count;
}

static void
put (Input *input, Span gone, const void *bytes, size_t size)
{
  size_t rest = input->size - gone.end;

  if (gone.start + size + rest > FUZZ_MAX_BYTES)
    return;
  uint8_t *copy = malloc (size + rest + 1);
  if (copy == NULL)
    _exit (2);
  memcpy (copy, bytes, size);
  memcpy (copy + size, input->bytes + gone.end, rest);
  memcpy (input->bytes + gone.start, copy, size + rest);
  input->size = gone.start + size + rest;
  free (copy);
}

static void
put_text (Input *input, Span field, const char *text, uint32_t length)
{
  uint8_t bytes[8192] = "";

  memcpy (bytes, &length, 4);
  memcpy (bytes + 4, text, length);
  put (input, field, bytes, (size_t) length + 5);
}

static void
change_field (Input *input, Span field)
{
  static const char *const words[] = { "", "0", "1", "-1", "4294967295", "9223372036854775807", "-9223372036854775808", "0x40000000", "x",
                                       "/", "..", "../../..", "/proc/self/fd/3", "/proc", "/dev/null", "/rootfs", "clone", "execute", "%s%n" };
  static char longest[8000];

  memset (longest, 'a', sizeof longest);
  if (fuzz_random (8) == 0)
    put_text (input, field, longest, fuzz_random (sizeof longest));
  else
    {
      const char *word = words[fuzz_random (sizeof words / sizeof *words)];
      put_text (input, field, word, strlen (word));
    }
}

static void
change_list (Input *input, const Input *other)
{
  static Span spans[MAX_SPANS], others[MAX_SPANS];

  for (uint64_t times = 1 + fuzz_random (3); times > 0; times--)
    {
      bool of_fields = fuzz_random (2) == 0;
      size_t count = spans_of (input, of_fields, spans), more = spans_of (other, of_fields, others);
      if (count == 0 || more == 0)
        break;
      Span one = spans[fuzz_random (count)], from = others[fuzz_random (more)];
      switch (fuzz_random (4))
        {
        case 0:
          put (input, one, "", 0); /* of a field: the record then takes the next one's beginning for its own */
          break;
        case 1:
          put (input, (Span) { one.start, one.start }, other->bytes + from.start, from.end - from.start);
          break;
        case 2:
          put (input, one, other->bytes + from.start, from.end - from.start);
          break;
        default:
          if (of_fields)
            change_field (input, one);
          else
            memcpy (input->bytes + one.start, &(uint32_t) { 1 + fuzz_random (number_at (input, one.start)) }, 4);
        }
    }
  uint32_t total = input->size - 4;
  memcpy (input->bytes, &total, 4);
  if (fuzz_random (4) == 0)
    fuzz_mutate (input, other);
}

/* With FRAMES set the first argument is the list that starts the container. */
int
main (int argc, char **argv)
{
  frames = getenv ("FRAMES") != NULL;
  if (!frames || argc < 2)
    return fuzz_main (argc, argv, run, change_list);
  FILE *file = fopen (argv[1], "re");
  list.bytes = malloc (FUZZ_MAX_BYTES);
  if (file == NULL || list.bytes == NULL)
    return 2;
  list.size = fread (list.bytes, 1, FUZZ_MAX_BYTES, file);
  fclose (file);
  return fuzz_main (argc - 1, argv + 1, run, fuzz_mutate);
}
