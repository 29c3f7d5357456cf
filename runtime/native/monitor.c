/* The monitor: carries bytes between the program, its log and its clients, reaps, and leaves the exit record.
   One chunk of output is under way at a time: the slowest client sets the pace, and nothing is lost or heaped up. */
#define _GNU_SOURCE
#include "helper.h"
#include "launch.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CLIENTS 32
#define CHUNK_BYTES 32768
#define INPUT_BYTES 16384
#define HEADER_BYTES 5
#define PATIENCE_MS 30000
#define END_OF_TRANSMISSION "\004"

typedef struct
{
  int fd;
  bool output;
  size_t sent; /* of the chunk under way */
  unsigned char header[HEADER_BYTES];
  size_t have;
  uint32_t left;
} Client;

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
  Client clients[MAX_CLIENTS];
  size_t count;
  int listener, signals;
  unsigned char chunk[HEADER_BYTES + CHUNK_BYTES];
  size_t chunk_size;
  unsigned char input[INPUT_BYTES];
  size_t input_size, input_sent;
  bool input_ended, started, failed, exited;
  int status;
} monitor = { .listener = -1, .signals = -1 };

static void
add_client (int fd, bool output)
{
  if (monitor.count == MAX_CLIENTS)
    {
      close (fd);
      return;
    }
  monitor.clients[monitor.count++] = (Client) { .fd = fd, .output = output, .sent = monitor.chunk_size };
}

static void
drop_client (size_t index)
{
  Launch *launch = monitor.launch;
  bool asker = monitor.clients[index].fd == launch->control;

  close (monitor.clients[index].fd);
  monitor.clients[index] = monitor.clients[--monitor.count];
  if (asker)
    launch->control = -1;
  if (asker && launch->once && !monitor.exited)
    kill (launch->pid, SIGKILL);
}

static void
tell_all (enum frame type, const char *text)
{
  for (size_t i = monitor.count; i-- > 0;)
    if (!send_frame (monitor.clients[i].fd, type, text, strlen (text)))
      drop_client (i);
}

/* Sends on what the clients take now; the chunk is done when all have it whole. */
static void
flush_chunk (void)
{
  bool pending = false;

  for (size_t i = monitor.count; i-- > 0 && monitor.chunk_size > 0;)
    {
      Client *client = &monitor.clients[i];
      if (!client->output || client->sent == monitor.chunk_size)
        continue;
      ssize_t n = send (client->fd, monitor.chunk + client->sent, monitor.chunk_size - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN && errno != EINTR)
        {
          drop_client (i);
          continue;
        }
      client->sent += n > 0 ? n : 0;
      pending = pending || client->sent < monitor.chunk_size;
    }
  if (!pending)
    monitor.chunk_size = 0;
}

static void
close_end (int index)
{
  int *ours = monitor.launch->ours;
  int fd = ours[index];

  if (fd < 0)
    return;
  for (int i = 0; i < 3; i++)
    if (ours[i] == fd)
      ours[i] = -1;
  close (fd);
}

/* One chunk of a stream, to the log and to the clients. A stream that is still open elsewhere ends with the program. */
static void
read_output (int index)
{
  ssize_t size = read (monitor.launch->ours[index], monitor.chunk + HEADER_BYTES, CHUNK_BYTES);
  uint32_t length = size;

  if (size < 0 && (errno == EINTR || (errno == EAGAIN && !monitor.exited)))
    return;
  if (size <= 0)
    {
      close_end (index);
      return;
    }
  log_feed (index - 1, (char *) monitor.chunk + HEADER_BYTES, size);
  monitor.chunk[0] = index == 1 ? FRAME_OUTPUT : FRAME_ERROR;
  memcpy (monitor.chunk + 1, &length, sizeof length);
  monitor.chunk_size = HEADER_BYTES + size;
  for (size_t i = 0; i < monitor.count; i++)
    monitor.clients[i].sent = 0;
  flush_chunk ();
}

static void
write_input (void)
{
  int fd = monitor.launch->ours[0];

  if (monitor.input_sent < monitor.input_size && fd >= 0)
    {
      ssize_t n = write (fd, monitor.input + monitor.input_sent, monitor.input_size - monitor.input_sent);
      if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
      monitor.input_sent = n < 0 ? monitor.input_size : monitor.input_sent + n;
    }
  if (fd >= 0 && monitor.input_sent < monitor.input_size)
    return;
  monitor.input_size = monitor.input_sent = 0;
  if (!monitor.input_ended || fd < 0)
    return;
  monitor.input_ended = false;
  if (monitor.launch->stdio != STDIO_TERMINAL)
    close_end (0);
  else if (write (fd, END_OF_TRANSMISSION, 1) < 0)
    return; /* the terminal is gone: so is its reader */
}

static void
resize (const unsigned char *size)
{
  struct winsize window = { .ws_col = size[0] | size[1] << 8, .ws_row = size[2] | size[3] << 8 };

  if (monitor.launch->stdio == STDIO_TERMINAL && monitor.launch->ours[0] >= 0)
    ioctl (monitor.launch->ours[0], TIOCSWINSZ, &window);
}

static void
release (void)
{
  char letter = MESSAGE_START;

  if (!monitor.launch->start_now && send (monitor.launch->channel, &letter, 1, MSG_NOSIGNAL) == 1)
    monitor.launch->start_now = true;
}

static void
end_frame (Client *client)
{
  switch (client->header[0])
    {
    case FRAME_ATTACH:
      client->output = true;
      break;
    case FRAME_CLOSE:
      monitor.input_ended = true;
      write_input ();
      break;
    case FRAME_START:
      release ();
      break;
    default:
      break;
    }
  client->have = 0;
}

static bool
is_waiting_for_input (const Client *client)
{
  return client->have == HEADER_BYTES && client->header[0] == FRAME_INPUT && monitor.input_size > 0;
}

/* The payload of a frame, or a part of it. */
static ssize_t
read_payload (Client *client)
{
  unsigned char rest[4];
  bool input = client->header[0] == FRAME_INPUT;
  size_t room = input ? INPUT_BYTES : sizeof rest;
  ssize_t n = recv (client->fd, input ? monitor.input : rest, client->left < room ? client->left : room, MSG_DONTWAIT);

  if (n <= 0)
    return n;
  client->left -= n;
  if (input)
    {
      monitor.input_size = n;
      write_input ();
    }
  else if (client->header[0] == FRAME_RESIZE && n == sizeof rest)
    resize (rest);
  return n;
}

static bool
read_client (Client *client)
{
  ssize_t n;

  if (client->have < HEADER_BYTES)
    {
      n = recv (client->fd, client->header + client->have, HEADER_BYTES - client->have, MSG_DONTWAIT);
      client->have += n > 0 ? n : 0;
      memcpy (&client->left, client->header + 1, sizeof client->left);
    }
  else
    n = read_payload (client);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
    return false;
  if (client->have == HEADER_BYTES && client->left == 0)
    end_frame (client);
  return true;
}

static void
accept_client (void)
{
  const struct timeval patience = { .tv_sec = 2 };
  int fd = accept4 (monitor.listener, NULL, NULL, SOCK_CLOEXEC);

  if (fd < 0)
    return;
  setsockopt (fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  add_client (fd, false);
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
      for (size_t i = monitor.count; i-- > 0;)
        if (!send_frame (monitor.clients[i].fd, FRAME_FAILED, message + 1, size - 1))
          drop_client (i);
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
  tell_all (FRAME_STARTED, time);
}

static void
reap (void)
{
  int status;
  pid_t pid;

  while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
    if (pid == monitor.launch->pid)
      {
        monitor.exited = true;
        monitor.status = monitor.failed ? monitor.status : status;
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
  bool hungry = monitor.started && monitor.chunk_size == 0;

  slots[SLOT_SIGNALS] = (struct pollfd) { .fd = monitor.signals, .events = POLLIN };
  slots[SLOT_LISTENER] = (struct pollfd) { .fd = monitor.listener, .events = POLLIN };
  slots[SLOT_CHANNEL] = (struct pollfd) { .fd = monitor.launch->channel, .events = POLLIN };
  slots[SLOT_OUTPUT] = (struct pollfd) { .fd = hungry ? ours[1] : -1, .events = POLLIN };
  slots[SLOT_ERROR] = (struct pollfd) { .fd = hungry ? ours[2] : -1, .events = POLLIN };
  slots[SLOT_INPUT] = (struct pollfd) { .fd = monitor.input_size > 0 ? ours[0] : -1, .events = POLLOUT };
  for (size_t i = 0; i < monitor.count; i++)
    {
      const Client *client = &monitor.clients[i];
      bool late = client->output && client->sent < monitor.chunk_size;
      short events = (is_waiting_for_input (client) ? POLLRDHUP : POLLIN) | (late ? POLLOUT : 0);
      slots[SLOT_CLIENTS + i] = (struct pollfd) { .fd = client->fd, .events = events };
    }
  return SLOT_CLIENTS + monitor.count;
}

static void
serve_clients (const struct pollfd *slots, size_t count)
{
  for (size_t i = count; i-- > SLOT_CLIENTS;)
    {
      size_t index = i - SLOT_CLIENTS;
      bool waiting = is_waiting_for_input (&monitor.clients[index]);
      bool gone = waiting && (slots[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
      bool readable = !waiting && (slots[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
      if (gone || (readable && !read_client (&monitor.clients[index])))
        drop_client (index);
    }
  flush_chunk ();
}

static void
drop_late_clients (void)
{
  for (size_t i = monitor.count; i-- > 0;)
    if (monitor.clients[i].output && monitor.clients[i].sent < monitor.chunk_size)
      drop_client (i);
  flush_chunk ();
}

static void
turn (void)
{
  struct pollfd slots[SLOT_CLIENTS + MAX_CLIENTS];
  struct signalfd_siginfo caught;
  size_t count = prepare_slots (slots);
  int ready = poll (slots, count, monitor.exited ? PATIENCE_MS : -1);

  if (ready == 0)
    drop_late_clients ();
  if (slots[SLOT_CHANNEL].revents != 0)
    read_channel ();
  if (slots[SLOT_LISTENER].revents != 0)
    accept_client ();
  serve_clients (slots, count > SLOT_CLIENTS + monitor.count ? SLOT_CLIENTS + monitor.count : count);
  if (slots[SLOT_INPUT].revents != 0)
    write_input ();
  for (int i = 1; i < 3; i++)
    if (slots[SLOT_OUTPUT + i - 1].revents != 0 && monitor.chunk_size == 0 && monitor.launch->ours[i] >= 0)
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
  while (ours[1] >= 0 || ours[2] >= 0 || monitor.chunk_size > 0)
    {
      for (int i = 1; i < 3; i++)
        if (monitor.chunk_size == 0 && ours[i] >= 0)
          read_output (i);
      if (monitor.chunk_size > 0)
        turn ();
    }
}

static void
run_exit_command (void)
{
  Launch *launch = monitor.launch;
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
  record_exit (text, sizeof text, monitor.status, cgroup_oom_killed ());
  record_write (monitor.launch->directory, "exit.json", text);
  cgroup_remove ();
  while (monitor.listener >= 0 && monitor.count < MAX_CLIENTS)
    {
      size_t before = monitor.count;
      accept_client ();
      if (monitor.count == before)
        break;
    }
  tell_all (FRAME_EXIT, text);
  close (monitor.listener);
  while (monitor.count > 0)
    drop_client (0);
  run_exit_command ();
  return 0;
}

int
monitor_run (Launch *launch)
{
  sigset_t all;

  monitor.launch = launch;
  add_client (launch->control, launch->attach);
  sigfillset (&all);
  sigprocmask (SIG_SETMASK, &all, NULL);
  sigemptyset (&all);
  sigaddset (&all, SIGCHLD);
  monitor.signals = signalfd (-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  if (monitor.signals < 0)
    die ("monitor", "signalfd");
  reap ();
  while (!monitor.exited)
    turn ();
  return finish ();
}
