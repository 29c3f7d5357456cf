/* strata-network linger FILE SECONDS TAG COMMAND…: becomes COMMAND once nobody has touched FILE for SECONDS. FILE is its life: it ends
   when that is removed or names another process. When the folder of FILE is gone too, so is the root whose networks they were, and nobody
   is left who knows them: the bridges and tables of TAG are removed here. */
#define _GNU_SOURCE
#include "linger.h"
#include "common.h"
#include "netlink.h"
#include "tables.h"
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Named in it, or nobody is yet. */
static bool
is_own (const char *file)
{
  char text[32] = "";
  AUTO_CLOSE int fd = open (file, O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return false;
  ssize_t length = read (fd, text, sizeof text - 1);
  return length == 0 || (length > 0 && atoi (text) == getpid ());
}

/* 0 when it was long ago; never more than `seconds`, whatever the clock did. */
static time_t
time_left (const struct stat *status, time_t seconds)
{
  time_t age = time (NULL) - status->st_mtime;

  return age < 0 ? seconds : age >= seconds ? 0 : seconds - age;
}

/* False when the file is gone. */
static bool
wait_idle (const char *file, time_t seconds)
{
  for (;;)
    {
      struct stat status;
      AUTO_CLOSE int watch = inotify_init1 (IN_CLOEXEC);
      if (watch < 0 || inotify_add_watch (watch, file, IN_DELETE_SELF) < 0 || stat (file, &status) < 0 || !is_own (file))
        return false;
      time_t left = time_left (&status, seconds);
      if (left == 0)
        return true;
      struct pollfd gone = { .fd = watch, .events = POLLIN };
      poll (&gone, 1, (int) left * 1000);
    }
}

/* Also of what is no bridge. */
static bool
has_ports (const char *name)
{
  char path[300];
  struct dirent *port;
  bool found = false;

  snprintf (path, sizeof path, "/sys/class/net/%s/brif", name);
  DIR *ports = opendir (path);
  if (ports == NULL)
    return true;
  while (!found && (port = readdir (ports)) != NULL)
    found = port->d_name[0] != '.';
  closedir (ports);
  return found;
}

static void
remove_bridges (const char *prefix)
{
  struct dirent *link;
  AUTO_CLOSE int fd = netlink_open ();
  DIR *links = opendir ("/sys/class/net");

  while (links != NULL && (link = readdir (links)) != NULL)
    if (strncmp (link->d_name, prefix, strlen (prefix)) == 0 && !has_ports (link->d_name))
      netlink_remove (fd, link->d_name); /* negative when somebody was quicker */
  if (links != NULL)
    closedir (links);
}

int
linger_main (int argc, char **argv)
{
  char prefix[16];

  if (argc < 5)
    return 2;
  if (wait_idle (argv[1], atol (argv[2])))
    {
      execv (argv[4], argv + 4);
      die ("network: linger", argv[4]);
    }
  sleep (1); /* whoever removes the folder with all that is in it begins with the files */
  if (access (dirname (argv[1]), F_OK) < 0)
    {
      snprintf (prefix, sizeof prefix, "st%s", argv[3]);
      remove_bridges (prefix);
      remove_tables (argv[3]);
    }
  return 0;
}
