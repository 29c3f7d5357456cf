/* Overlays where the kernel takes no lower folder by itself (before 6.8): all of them go into one option, which is short. They are
   named by the numbers of their descriptors, seen from /proc/self/fd; so no path has a byte that would need an escape either. */
#define _GNU_SOURCE
#include "layers.h"
#include "common.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define DATA_BYTES 4096
#define LOWER "lowerdir+="

/* Before 6.5 any option at all is taken, and looked at when the overlay is made; until 6.8 this one is refused. */
bool
layers_singly (void)
{
  AUTO_CLOSE int context = fsopen ("overlay", FSOPEN_CLOEXEC);

  return context < 0 || (fsconfig (context, FSCONFIG_SET_FLAG, "none-such", NULL, 0) < 0 && fsconfig (context, FSCONFIG_SET_STRING, "lowerdir+", "/", 0) == 0);
}

/* A folder as an option's value; the descriptor stays until execve. */
static int
open_layer (const char *path)
{
  int fd = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    die ("layer", path);
  return fd;
}

int
layers_mount (char **options)
{
  char data[DATA_BYTES] = "lowerdir=";
  size_t used = strlen (data);
  const char *mark = "", *at = "";

  for (char **option = options; *option != NULL && used < sizeof data; option++)
    if (strncmp (*option, LOWER, strlen (LOWER)) == 0)
      {
        at = *option + strlen (LOWER); /* a place to mount it, which must not be "/" */
        used += snprintf (data + used, sizeof data - used, "%s%d", mark, open_layer (at));
        mark = ":";
      }
  for (char **option = options; *option != NULL && used < sizeof data; option++)
    {
      char *path = strchr (*option, '/');
      if (strncmp (*option, LOWER, strlen (LOWER)) == 0)
        continue;
      if (path == NULL)
        used += snprintf (data + used, sizeof data - used, ",%s", *option);
      else
        used += snprintf (data + used, sizeof data - used, ",%.*s%d", (int) (path - *option), *option, open_layer (path));
    }
  if (used >= sizeof data)
    die_of (E2BIG, "mount", at);
  if (chdir ("/proc/self/fd") < 0 || mount ("overlay", at, "overlay", 0, data) < 0 || chdir ("/") < 0)
    die ("mount", at);
  return open_layer (at);
}
