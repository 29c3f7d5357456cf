/* Settings below /proc/sys. */
#define _GNU_SOURCE
#include "common.h"
#include "operations.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
write_sysctl (const char *path, const char *value)
{
  AUTO_CLOSE int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0 || write (fd, value, strlen (value)) < 0)
    die ("network: sysctl", path);
}

static void
write_below (const char *name, const char *value)
{
  char path[256];

  if (strstr (name, "..") != NULL || (size_t) snprintf (path, sizeof path, "/proc/sys/net/%s", name) >= sizeof path)
    die_of (EINVAL, "network: sysctl", name);
  write_sysctl (path, value);
}

/* sysctl PATH VALUE: inside the namespace, PATH below /proc/sys/net. */
void
op_sysctl (State *state, char **argument)
{
  enter (state->inner);
  write_below (argument[0], argument[1]);
  enter (state->home);
}

/* host-sysctl PATH VALUE: on the machine itself. */
void
op_host_sysctl (State *state, char **argument)
{
  (void) state;
  write_below (argument[0], argument[1]);
}
