/* How the native programs end, and where they begin. */
#define _GNU_SOURCE
#include "common.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
close_fd (int *fd)
{
  if (*fd >= 0)
    close (*fd);
}

void
free_pointer (void *pointer)
{
  free (*(void **) pointer);
}

static Reporter reporter;

void
report_with (Reporter report)
{
  reporter = report;
}

void
die (const char *step, const char *object)
{
  const char *name = strerrorname_np (errno);
  const char *reason = name == NULL ? "EUNKNOWN" : name;

  if (reporter != NULL)
    reporter (step, object, reason);
  else
    fprintf (stderr, "%s %s: %s\n", step, object, reason);
  _exit (125);
}

void
die_of (int error, const char *step, const char *object)
{
  errno = error;
  die (step, object);
}

int
run_verb (const Verb *verbs, size_t count, int argc, char **argv)
{
  for (size_t i = 0; argc > 1 && i < count; i++)
    if (strcmp (argv[1], verbs[i].name) == 0)
      return verbs[i].main (argc - 1, argv + 1);
  fprintf (stderr, "%s: unknown verb\n", program_invocation_short_name);
  return 2;
}
