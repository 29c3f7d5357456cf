/* Dispatch: strata-helper VERB ARGUMENT… */
#define _GNU_SOURCE
#include "helper.h"
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

static const struct
{
  const char *name;
  int (*main) (int argc, char **argv);
} verbs[] = {
  { "files", files_main },
  { "guard", guard_main },
  { "launch", launch_main },
  { "lock", lock_main },
  { "netns", netns_main },
  { "network", network_main },
  { "pause", pause_main },
  { "pulse", pulse_main },
  { "reap", reap_main },
  { "unpack", unpack_main },
};

int
main (int argc, char **argv)
{
  for (size_t i = 0; argc > 1 && i < sizeof verbs / sizeof *verbs; i++)
    if (strcmp (argv[1], verbs[i].name) == 0)
      return verbs[i].main (argc - 1, argv + 1);
  fprintf (stderr, "strata-helper: unknown verb\n");
  return 2;
}
