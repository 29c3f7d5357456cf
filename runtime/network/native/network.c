/* strata-network OPERATION…: links, addresses and namespaces, done in the order given.
   Every operation is idempotent: what is there already, or gone already, is a success.
   strata-network linger … waits until nobody has been on a bridge for a while. */
#define _GNU_SOURCE
#include "common.h"
#include "flows.h"
#include "linger.h"
#include "netlink.h"
#include "operations.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void
enter (int namespace)
{
  if (setns (namespace, CLONE_NEWNET) < 0)
    die ("network", "setns");
}

int
need_index (int fd, const char *name)
{
  int index = netlink_index (fd, name);

  if (index == 0)
    die_of (ENODEV, "network: find link", name);
  return index;
}

/* netns PATH: makes the namespace and pins it at PATH; later operations may work inside. */
static void
op_netns (State *state, char **argument)
{
  const char *path = argument[0];
  struct stat before, after;
  AUTO_CLOSE int file = open (path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

  if (file < 0 || fstat (file, &before) < 0 || fstat (state->home, &after) < 0)
    die ("network: netns", path);
  if (before.st_dev != after.st_dev) /* a plain file still, no namespace yet */
    {
      if (unshare (CLONE_NEWNET) < 0 || mount ("/proc/thread-self/ns/net", path, NULL, MS_BIND, NULL) < 0)
        die ("network: netns", path);
      enter (state->home);
    }
  state->inner = open (path, O_RDONLY | O_CLOEXEC);
  if (state->inner < 0)
    die ("network: netns", path);
  enter (state->inner);
  state->inner_link = netlink_open ();
  enter (state->home);
}

/* forget-netns PATH */
static void
op_forget_netns (State *state, char **argument)
{
  (void) state;
  if (umount2 (argument[0], MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
    die ("network: umount", argument[0]);
  if (unlink (argument[0]) < 0 && errno != ENOENT)
    die ("network: unlink", argument[0]);
}

/* forget-flow PROTOCOL ADDRESS:PORT ENDPOINT, or forget-flow * * ENDPOINT: connections to services that conntrack sends to an endpoint of old. */
static void
op_forget_flow (State *state, char **argument)
{
  (void) state;
  forget_flows (argument[0], argument[1], argument[2]);
}

/* child-of PID: nothing is done for one that was killed before this program had begun. */
static void
op_child_of (State *state, char **argument)
{
  (void) state;
  if (getppid () != atoi (argument[0]))
    die_of (ESRCH, "network: child of", argument[0]);
}

static const struct
{
  const char *name;
  int arguments;
  void (*act) (State *state, char **argument);
} operations[] = {
  { "netns", 1, op_netns },     { "forget-netns", 1, op_forget_netns }, { "bridge", 3, op_bridge },   { "veth", 4, op_veth },
  { "address", 2, op_address }, { "up", 1, op_up },                     { "gateway", 1, op_gateway }, { "sysctl", 2, op_sysctl },
  { "remove-link", 1, op_remove_link },
  { "unplug", 1, op_unplug },
  { "host-sysctl", 2, op_host_sysctl },
  { "mtu", 3, op_mtu },
  { "host-address", 2, op_host_address },
  { "forget-host-address", 2, op_forget_host_address },
  { "forget-flow", 3, op_forget_flow },
  { "child-of", 1, op_child_of },
};

static int
perform (State *state, int argc, char **argv)
{
  for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
    if (strcmp (argv[0], operations[i].name) == 0 && operations[i].arguments < argc)
      {
        operations[i].act (state, argv + 1);
        return operations[i].arguments + 1;
      }
  die_of (EINVAL, "network: operation", argv[0]);
}

int
main (int argc, char **argv)
{
  if (argc > 1 && strcmp (argv[1], "linger") == 0)
    return linger_main (argc - 1, argv + 1);

  prctl (PR_SET_PDEATHSIG, SIGKILL); /* who has the lock of networks has it no longer then, and the next one is at work */
  State state = { .home = open ("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), .inner = -1, .inner_link = -1 };

  if (state.home < 0)
    die ("network", "/proc/thread-self/ns/net");
  state.home_link = netlink_open ();
  for (int at = 1; at < argc;)
    at += perform (&state, argc - at, argv + at);
  return 0;
}
