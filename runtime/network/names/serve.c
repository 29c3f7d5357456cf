/* strata-names NAMESPACE CONFIG: answers on 127.0.0.11:53 in a container's network namespace, and forwards what it does not know from
   the namespace that it was started in. It is in the background once it answers, its pid told on stdout, and ends when NAMESPACE is
   unpinned. A process that serves is made by one that only waits, and makes another when it is killed. */
#define _GNU_SOURCE
#include "answer.h"
#include "forward.h"
#include "server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ADDRESS "127.0.0.11"
#define PORT 53
#define MAX_STREAMS 16 /* connections served at once, a process each */
#define CHECK_MS 30000

typedef struct
{
  const char *namespace, *config; /* the latter below the folder that we work in */
  int folder; /* of the namespace's pin */
  int home, inside; /* namespaces */
  int datagrams, streams, changes;
  int children;
} Server;

static void
fail (const char *what)
{
  fprintf (stderr, "%s: %s\n", what, strerror (errno));
  exit (1);
}

static int
listen_at (int type, uint16_t port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (port) };
  int fd = socket (AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

  inet_pton (AF_INET, ADDRESS, &address.sin_addr);
  if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 || bind (fd, (struct sockaddr *) &address, sizeof address) < 0
      || (type == SOCK_STREAM && listen (fd, MAX_STREAMS) < 0))
    fail ("listen on " ADDRESS);
  return fd;
}

static unsigned
port_of (int fd)
{
  struct sockaddr_in address;
  socklen_t size = sizeof address;

  if (getsockname (fd, (struct sockaddr *) &address, &size) < 0)
    fail ("getsockname");
  return ntohs (address.sin_port);
}

/* Port 53 itself is left to the container: its questions are sent to the ports that we have. False where nft is missing or refuses. */
static bool
redirect (unsigned datagrams, unsigned streams)
{
  char rules[512];
  int status, input[2];

  if (pipe2 (input, O_CLOEXEC) < 0)
    fail ("pipe");
  pid_t child = fork ();
  if (child == 0)
    {
      int null = open ("/dev/null", O_RDWR);
      dup2 (input[0], 0);
      dup2 (null, 1);
      dup2 (null, 2);
      execlp ("nft", "nft", "-f", "-", NULL);
      _exit (127);
    }
  close (input[0]);
  signal (SIGPIPE, SIG_IGN);
  int size = snprintf (rules, sizeof rules,
                       "table ip strata_names\ndelete table ip strata_names\ntable ip strata_names {\n chain output {\n  type nat hook output priority -100; policy accept;\n"
                       "  ip daddr " ADDRESS " udp dport 53 dnat to " ADDRESS ":%u\n"
                       "  ip daddr " ADDRESS " tcp dport 53 dnat to " ADDRESS ":%u\n }\n}\n",
                       datagrams, streams);
  ssize_t written = write (input[1], rules, (size_t) size);
  close (input[1]);
  return child > 0 && waitpid (child, &status, 0) == child && status == 0 && written == size;
}

static void
open_inside (Server *server)
{
  server->home = open ("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  server->inside = open (server->namespace, O_RDONLY | O_CLOEXEC);
  if (server->home < 0 || server->inside < 0 || setns (server->inside, CLONE_NEWNET) < 0)
    fail (server->namespace);
  server->datagrams = listen_at (SOCK_DGRAM, 0);
  server->streams = listen_at (SOCK_STREAM, 0);
  if (!redirect (port_of (server->datagrams), port_of (server->streams)))
    {
      close (server->datagrams);
      close (server->streams);
      server->datagrams = listen_at (SOCK_DGRAM, PORT);
      server->streams = listen_at (SOCK_STREAM, PORT);
    }
  if (setns (server->home, CLONE_NEWNET) < 0)
    fail ("setns");
}

/* The folder of PATH, opened; its last part is left in `*name`. */
static int
open_folder_of (const char *path, const char **name)
{
  char folder[PATH_MAX];
  const char *slash = strrchr (path, '/');

  snprintf (folder, sizeof folder, "%.*s", slash == NULL ? 0 : (int) (slash - path), path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    fail (path);
  *name = slash + 1;
  return fd;
}

/* Tells of files that come and go beside the pinned namespace. */
static void
watch_pin (Server *server)
{
  char folder[64];

  server->folder = open_folder_of (server->namespace, &server->namespace);
  server->changes = inotify_init1 (IN_CLOEXEC | IN_NONBLOCK);
  snprintf (folder, sizeof folder, "/proc/self/fd/%d", server->folder);
  if (server->changes < 0 || inotify_add_watch (server->changes, folder, IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM) < 0)
    fail ("inotify");
}

static bool
is_pinned (const Server *server)
{
  struct stat pinned, own;

  return fstatat (server->folder, server->namespace, &pinned, 0) == 0 && fstat (server->inside, &own) == 0 && pinned.st_dev == own.st_dev
         && pinned.st_ino == own.st_ino;
}

/* What talks to containers is nobody: to root's processes it could send signals. */
static void
give_up_rights (void)
{
  if (setgroups (0, NULL) < 0 || setresgid (NOBODY, NOBODY, NOBODY) < 0 || setresuid (NOBODY, NOBODY, NOBODY) < 0)
    fail ("setuid");
  if (!drop_capabilities ())
    fail ("capset");
}

/* The files of names are reached from their own folder, for a user may have no way to it. */
static void
leave_for_names (Server *server)
{
  int folder = open_folder_of (server->config, &server->config);

  if (!go_background ())
    fail ("background");
  if (fchdir (folder) < 0)
    _exit (1);
  close (folder);
}

static void
serve_datagram (Server *server)
{
  static uint8_t query[MAX_MESSAGE], reply[MAX_MESSAGE];
  Config config;
  struct sockaddr_in client;
  socklen_t length = sizeof client;
  ssize_t size = recvfrom (server->datagrams, query, sizeof query, 0, (struct sockaddr *) &client, &length);

  if (size <= 0 || !read_config (server->config, &config))
    return;
  size_t done = answer_locally (&config, query, (size_t) size, reply);
  if (done == 0 && !forward_datagram (&config, query, (size_t) size, &client))
    done = answer_failure (query, (size_t) size, reply);
  if (done > 0)
    sendto (server->datagrams, reply, done, 0, (struct sockaddr *) &client, length);
}

/* False where there is no descriptor left for who has come: they wait then. */
static bool
serve_stream (Server *server)
{
  int fd = accept4 (server->streams, NULL, NULL, SOCK_CLOEXEC);

  if (fd < 0)
    return errno == EAGAIN || errno == ECONNABORTED;
  pid_t child = fork ();
  if (child == 0)
    {
      signal (SIGALRM, SIG_DFL);
      alarm (60);
      serve_connection (fd, server->config);
      _exit (0);
    }
  if (child > 0)
    server->children++;
  close (fd);
  return true;
}

static void
reap (Server *server)
{
  while (server->children > 0 && waitpid (-1, NULL, WNOHANG) > 0)
    server->children--;
}

static void
serve (Server *server)
{
  struct pollfd polled[3 + MAX_FORWARDED];
  char events[4096];
  bool has_room = true;

  while (is_pinned (server))
    {
      reap (server);
      polled[0] = (struct pollfd) { .fd = server->changes, .events = POLLIN };
      polled[1] = (struct pollfd) { .fd = server->datagrams, .events = POLLIN };
      polled[2] = (struct pollfd) { .fd = has_room && server->children < MAX_STREAMS ? server->streams : -1, .events = POLLIN };
      int wait = forward_poll (polled + 3);
      if ((server->children > 0 || !has_room) && (wait < 0 || wait > 500))
        wait = 500; /* to reap, or to look again */
      if (poll (polled, 3 + MAX_FORWARDED, wait < 0 || wait > CHECK_MS ? CHECK_MS : wait) < 0 && errno != EINTR)
        return;
      while (read (server->changes, events, sizeof events) > 0)
        continue;
      forward_turn (polled + 3, server->datagrams);
      if ((polled[1].revents & POLLIN) != 0)
        serve_datagram (server);
      has_room = (polled[2].revents & POLLIN) == 0 || serve_stream (server);
    }
}

int
main (int argc, char **argv)
{
  Server server = { .home = -1 };

  if (argc != 3)
    {
      fprintf (stderr, "usage: strata-names NAMESPACE CONFIG\n");
      return 2;
    }
  server.namespace = argv[1];
  server.config = argv[2];
  syscall (SYS_close_range, 3, ~0u, 0);
  open_inside (&server);
  watch_pin (&server);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
  signal (SIGINT, SIG_IGN);
  leave_for_names (&server);
  give_up_rights ();
  outlive ();
  serve (&server);
  return 0;
}
