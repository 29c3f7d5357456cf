/* strata-minder hold LOCK RECORD: makes a user namespace and keeps it while processes are in it.
   Descriptor 3 is its maker: "U" to it says that the maps can be written, any byte back that they are, "R" that all is ready.
   strata-minder enter PID:START PROGRAM ARGUMENT…: becomes a program as the root of that process's user namespace.
   Descriptor 3 is the lock, let go once inside. */
#define _GNU_SOURCE
#include "common.h"
#include "minder.h"
#include "processes.h"
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAKER 3
#define LOCK 3
#define PATIENCE_SECONDS 5

/* Others may still be on their way in: they hold the lock until they are. */
static bool
is_alone (void)
{
  struct stat own, other;
  struct dirent *entry;
  DIR *proc = opendir ("/proc");
  bool alone = proc != NULL && stat ("/proc/self/ns/user", &own) == 0;

  while (alone && (entry = readdir (proc)) != NULL)
    {
      char path[64];
      int pid = atoi (entry->d_name);
      snprintf (path, sizeof path, "/proc/%d/ns/user", pid);
      if (pid > 0 && pid != getpid () && stat (path, &other) == 0 && other.st_ino == own.st_ino)
        alone = false;
    }
  if (proc != NULL)
    closedir (proc);
  return alone;
}

static bool
ended (const char *lock, const char *record)
{
  AUTO_CLOSE int fd = open (lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

  if (fd < 0)
    return true; /* its folder is gone: nobody can find us any more */
  if (flock (fd, LOCK_EX | LOCK_NB) < 0 || !is_alone ())
    return false;
  unlink (record);
  return true;
}

static void
become_root (void)
{
  if (setresgid (0, 0, 0) < 0 || setresuid (0, 0, 0) < 0)
    die ("user", "namespace root");
}

int
hold_main (int argc, char **argv)
{
  char answer;

  if (argc != 3)
    return 2;
  prctl (PR_SET_NAME, "strata-hold");
  if (unshare (CLONE_NEWUSER) < 0)
    die ("unshare", "user namespace");
  if (write (MAKER, "U", 1) != 1 || read (MAKER, &answer, 1) != 1)
    return 125; /* it could not write them, and has said so */
  become_root ();
  if (write (MAKER, "R", 1) != 1 || close (MAKER) < 0)
    return 125;
  do
    sleep (PATIENCE_SECONDS);
  while (!is_alone () || !ended (argv[1], argv[2]));
  return 0;
}

int
enter_main (int argc, char **argv)
{
  if (argc < 3)
    return 2;
  AUTO_CLOSE int process = process_open (argv[1]);
  if (process < 0 || setns (process, CLONE_NEWUSER) < 0)
    die ("enter", argv[1]);
  close (LOCK); /* from here on the holder sees us */
  become_root ();
  execv (argv[2], argv + 2);
  die ("enter: exec", argv[2]);
}
