/* strata-loopback FILE: listens on [::1] and carries what comes to a container. Each line of FILE is `tcp|udp PORT ADDRESS PORT`.
   It is in the background once it listens, tells its pid, and ends when FILE is removed or replaced: whoever gives the ports back need not
   find it. Its child carries; when that is killed the next one does. */
#define _GNU_SOURCE
#include "flow.h"
#include "server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum
{
  CHECK_MS = 30000,
  REST_MS = 200, /* without a descriptor, until it tries again */
  BACKLOG = 4096,
};

static Port ports[MAX_PORTS];
static size_t port_count;

/* What it lives as long as. */
static struct
{
  const char *name;
  int folder, changes;
  struct stat own;
} file;

static void
fail (const char *what)
{
  fprintf (stderr, "%s: %s\n", what, strerror (errno));
  exit (errno == EADDRINUSE ? 98 : 1);
}

static void
listen_at (const char *protocol, unsigned number)
{
  struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons ((uint16_t) number), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
  Port *port = &ports[port_count++];
  char what[64];
  int on = 1;

  snprintf (what, sizeof what, "listen on [::1]:%u/%s", number, protocol);
  port->is_stream = strcmp (protocol, "tcp") == 0;
  port->fd = socket (AF_INET6, (port->is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (port->fd < 0 || (port->is_stream && setsockopt (port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
      || bind (port->fd, (struct sockaddr *) &address, sizeof address) < 0 || (port->is_stream && listen (port->fd, BACKLOG) < 0))
    fail (what);
}

static void
open_ports (FILE *lines)
{
  char protocol[4], address[64];
  unsigned number, inner;

  while (fscanf (lines, "%3s %u %63s %u", protocol, &number, address, &inner) == 4)
    {
      errno = E2BIG;
      if (port_count == MAX_PORTS)
        fail ("ports");
      listen_at (protocol, number);
      struct sockaddr_in *target = &ports[port_count - 1].target;
      *target = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons ((uint16_t) inner) };
      errno = EINVAL;
      if (inet_pton (AF_INET, address, &target->sin_addr) != 1)
        fail (address);
    }
  errno = EBADMSG;
  if (!feof (lines) || port_count == 0)
    fail ("ports");
}

/* The folder of this file, which nobody may have no way to later, and what tells of files that come and go in it. */
static void
watch (const char *path)
{
  char above[4096];

  snprintf (above, sizeof above, "%s", path);
  char *slash = strrchr (above, '/');
  if (slash == NULL)
    fail (path);
  *slash = '\0';
  file.name = strrchr (path, '/') + 1;
  file.folder = open (above, O_PATH | O_DIRECTORY | O_CLOEXEC);
  file.changes = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  if (file.folder < 0 || file.changes < 0 || inotify_add_watch (file.changes, above, IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVED_TO) < 0)
    fail (above);
}

static bool
is_there (void)
{
  struct stat found;

  return fstatat (file.folder, file.name, &found, 0) == 0 && found.st_dev == file.own.st_dev && found.st_ino == file.own.st_ino;
}

static size_t
take_descriptors (void)
{
  struct rlimit files;

  if (getrlimit (RLIMIT_NOFILE, &files) < 0)
    fail ("limits");
  files.rlim_cur = files.rlim_max;
  setrlimit (RLIMIT_NOFILE, &files);
  return files.rlim_max;
}

/* As many as descriptors allow: two each, beside the ports and the senders of datagrams. */
static void
limit_streams (size_t most)
{
  size_t others = port_count + MAX_PEERS + 16;

  streams_limit (most > others + 2 ? (most - others) / 2 : 1);
}

/* In a user's namespace root is only that user. Source: include/linux/proc_ns.h, PROC_USER_INIT_INO. */
static bool
is_machines_root (void)
{
  struct stat namespace;

  return getuid () == 0 && stat ("/proc/self/ns/user", &namespace) == 0 && namespace.st_ino == 0xEFFFFFFDu;
}

/* What carries bytes of strangers is nobody: root's files are not its own. */
static void
give_up_rights (void)
{
  if (is_machines_root () && (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0 || setresuid (NOBODY, NOBODY, NOBODY) < 0))
    fail ("setuid");
  if (!drop_capabilities ())
    fail ("capset");
}

/* False where there is no descriptor left for one that has come. */
static bool
take_in (const struct pollfd *polled)
{
  int more = 0;

  for (size_t i = 0; i < port_count && more >= 0; i++)
    if ((polled[i].revents & POLLIN) != 0 && !ports[i].is_stream)
      datagram_receive (&ports[i]);
    else if ((polled[i].revents & POLLIN) != 0)
      while ((more = stream_accept (&ports[i])) > 0)
        continue;
  return more >= 0;
}

static void
serve (void)
{
  static struct pollfd polled[1 + MAX_PORTS + MAX_PEERS + 2 * MAX_STREAMS];
  char events[4096];
  bool has_room = true;

  while (is_there ())
    {
      bool is_full = streams_full () || !has_room;
      polled[0] = (struct pollfd) { .fd = file.changes, .events = POLLIN };
      for (size_t i = 0; i < port_count; i++)
        polled[1 + i] = (struct pollfd) { .fd = ports[i].is_stream && is_full ? -1 : ports[i].fd, .events = POLLIN };
      struct pollfd *peers = polled + 1 + port_count;
      size_t peer_count = datagrams_poll (peers);
      struct pollfd *streams = peers + peer_count;
      size_t stream_count = streams_poll (streams);
      if (poll (polled, 1 + port_count + peer_count + stream_count, has_room ? CHECK_MS : REST_MS) < 0 && errno != EINTR)
        return;
      while (read (file.changes, events, sizeof events) > 0)
        continue;
      datagrams_turn (peers, peer_count);
      streams_turn (streams, stream_count);
      has_room = take_in (polled + 1);
    }
}

int
main (int argc, char **argv)
{
  if (argc != 2)
    {
      fprintf (stderr, "usage: strata-loopback FILE\n");
      return 2;
    }
  syscall (SYS_close_range, 3, ~0u, 0);
  watch (argv[1]);
  FILE *lines = fopen (argv[1], "re");
  if (lines == NULL || fstat (fileno (lines), &file.own) < 0)
    fail (argv[1]);
  size_t descriptors = take_descriptors ();
  open_ports (lines);
  fclose (lines);
  limit_streams (descriptors);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
  signal (SIGINT, SIG_IGN);
  if (!go_background ())
    fail ("background");
  if (chdir ("/") < 0)
    _exit (1);
  give_up_rights ();
  outlive ();
  serve ();
  return 0;
}
