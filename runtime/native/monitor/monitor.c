/* The monitor: carries bytes between the program, its log and its clients, reaps, and leaves the exit record. */
#define _GNU_SOURCE
#include "clients.h"
#include "common.h"
#include "health.h"
#include "input.h"
#include "keeper.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 30000

enum slot
{
  SLOT_SIGNALS,
  SLOT_LISTENER,
  SLOT_CHANNEL,
  SLOT_OUTPUT,
  SLOT_ERROR,
  SLOT_INPUT,
  SLOT_CLIENTS,
};

static struct
{
  Launch *launch;
  int listener, signals;
  bool started, failed;
  int status;
} monitor = { .listener = -1, .signals = -1 };

/* One chunk of a stream, to the log and to the clients. A stream that is still open elsewhere ends with the program. */
static void
read_output (int index)
{
  Launch *launch = monitor.launch;
  ssize_t size = read (launch->ours[index], chunk_bytes (), CHUNK_BYTES);

  if (size < 0 && (errno == EINTR || (errno == EAGAIN && !launch->exited)))
    return;
  if (size <= 0)
    {
      stream_close (launch, index);
      return;
    }
  log_feed (index - 1, (char *) chunk_bytes (), size);
  chunk_send (index == 1 ? FRAME_OUTPUT : FRAME_ERROR, size);
}

/* False when nobody is there, or one too many. */
static bool
accept_client (void)
{
  const struct timeval patience = { .tv_sec = 2 };
  int fd = accept4 (monitor.listener, NULL, NULL, SOCK_CLOEXEC);

  if (fd < 0)
    return false;
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return client_add (fd, false);
}

/* Init's channel: the reason of a failure, or its end, which is execve. */
static void
read_channel (void)
{
  Launch *launch = monitor.launch;
  char message[4096], time[48];
  ssize_t size = channel_receive (launch->channel, message, sizeof message, MSG_DONTWAIT, &(int) { -1 });

  if (size > 0 && message[0] == MESSAGE_FAILED)
    {
      const char *errno_name = memchr (message + 1, '\0', size - 1);
      errno_name = errno_name == NULL ? NULL : memchr (errno_name + 1, '\0', message + size - errno_name - 1);
      monitor.status = errno_name != NULL && strcmp (errno_name + 1, "ENOENT") == 0 ? 127 << 8 : 126 << 8;
      monitor.failed = true;
      clients_tell (FRAME_FAILED, message + 1, size - 1);
    }
  if (size > 0 || (size < 0 && errno == EAGAIN))
    return;
  close (launch->channel);
  launch->channel = -1;
  monitor.started = true;
  if (monitor.failed || !launch->start_now)
    return;
  record_time (time, sizeof time);
  record_write (launch->directory, "started", time);
  health_begin (launch->exit_environment);
  clients_tell (FRAME_STARTED, time, strlen (time));
}

static void
reap (void)
{
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    {
      health_reaped (pid, status);
      if (pid != monitor.launch->pid)
        continue;
      monitor.launch->exited = true;
      monitor.status = monitor.failed ? monitor.status : status;
      keeper_reaped (monitor.status);
    }
}

void
monitor_listen (const Launch *launch)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  if (launch->directory < 0)
    return;
  /* By descriptor: the path may be longer than a socket address. */
  snprintf (address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/attach.sock", launch->directory);
  monitor.listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (monitor.listener < 0 || bind (monitor.listener, (struct sockaddr *) &address, sizeof address) < 0 || listen (monitor.listener, MAX_CLIENTS) < 0)
    die ("listen", "attach.sock");
}

static size_t
prepare_slots (struct pollfd *slots)
{
  const int *ours = monitor.launch->ours;
  bool hungry = monitor.started && !chunk_pending ();

  slots[SLOT_SIGNALS] = (struct pollfd) { .fd = monitor.signals, .events = POLLIN };
  slots[SLOT_LISTENER] = (struct pollfd) { .fd = monitor.listener, .events = POLLIN };
  slots[SLOT_CHANNEL] = (struct pollfd) { .fd = monitor.launch->channel, .events = POLLIN };
  slots[SLOT_OUTPUT] = (struct pollfd) { .fd = hungry ? ours[1] : -1, .events = POLLIN };
  slots[SLOT_ERROR] = (struct pollfd) { .fd = hungry ? ours[2] : -1, .events = POLLIN };
  slots[SLOT_INPUT] = (struct pollfd) { .fd = input_pending () ? ours[0] : -1, .events = POLLOUT };
  return SLOT_CLIENTS + clients_prepare (slots + SLOT_CLIENTS);
}

static void
turn (void)
{
  struct pollfd slots[SLOT_CLIENTS + MAX_CLIENTS];
  struct signalfd_siginfo caught;
  size_t count = prepare_slots (slots);
  int ready = poll (slots, count, monitor.launch->exited ? PATIENCE_MS : health_patience ());

  if (ready == 0 && monitor.launch->exited)
    chunk_give_up ();
  if (!monitor.launch->exited)
    health_run ();
  if (ready <= 0)
    return;
  if (slots[SLOT_CHANNEL].revents != 0)
    read_channel ();
  if (slots[SLOT_LISTENER].revents != 0)
    accept_client ();
  clients_serve (slots + SLOT_CLIENTS, count - SLOT_CLIENTS);
  if (slots[SLOT_INPUT].revents != 0)
    input_flush (monitor.launch);
  for (int i = 1; i < 3; i++)
    if (slots[SLOT_OUTPUT + i - 1].revents != 0 && !chunk_pending () && monitor.launch->ours[i] >= 0)
      read_output (i);
  if (slots[SLOT_SIGNALS].revents != 0 && read (monitor.signals, &caught, sizeof caught) > 0)
    reap ();
}

/* After the program's end: what it wrote is still in the pipes. */
static void
drain (void)
{
  const int *ours = monitor.launch->ours;

  monitor.started = true;
  while (ours[1] >= 0 || ours[2] >= 0 || chunk_pending ())
    {
      for (int i = 1; i < 3; i++)
        if (!chunk_pending () && ours[i] >= 0)
          read_output (i);
      if (chunk_pending ())
        turn ();
    }
}

void
exit_command_run (const Launch *launch)
{
  sigset_t none;

  if (launch->exit_command == NULL)
    return;
  sigemptyset (&none);
  sigprocmask (SIG_SETMASK, &none, NULL);
  prctl (PR_SET_CHILD_SUBREAPER, 0);
  execve (launch->exit_command[0], launch->exit_command, launch->exit_environment);
}

static int
finish (void)
{
  char text[256];

  if (monitor.launch->channel >= 0)
    read_channel ();
  drain ();
  log_end ();
  cgroup_kill ();
  record_exit (text, sizeof text, monitor.status, cgroup_oom_killed (), 0);
  cgroup_remove (); /* first: whoever finds the record may start the container again, in groups of the same name */
  record_write (monitor.launch->directory, "exit.json", text);
  keeper_recorded ();
  while (monitor.listener >= 0 && accept_client ())
    continue;
  clients_tell (FRAME_EXIT, text, strlen (text));
  close (monitor.listener);
  clients_drop ();
  exit_command_run (monitor.launch);
  return 0;
}

int
monitor_run (Launch *launch)
{
  sigset_t all;

  monitor.launch = launch;
  clients_open (launch);
  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  sigemptyset (&all);
  sigaddset (&all, SIGCHLD);
  monitor.signals = signalfd (-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  if (monitor.signals < 0)
    die ("monitor", "signalfd");
  reap ();
  while (!launch->exited)
    turn ();
  return finish ();
}
