/* The slowest client sets the pace, and nothing is lost or heaped up. */
#define _GNU_SOURCE
#include "clients.h"
#include "input.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_BYTES 5

typedef struct
{
  int fd;
  bool output;
  size_t sent; /* of the chunk under way */
  unsigned char header[HEADER_BYTES];
  size_t have;
  uint32_t left;
} Client;

static struct
{
  Launch *launch;
  Client all[MAX_CLIENTS];
  size_t count;
  unsigned char chunk[HEADER_BYTES + CHUNK_BYTES];
  size_t chunk_size;
} clients;

void
clients_open (Launch *launch)
{
  clients.launch = launch;
  client_add (launch->control, launch->attach);
}

bool
client_add (int fd, bool output)
{
  bool fits = clients.count < MAX_CLIENTS;

  if (fits)
    clients.all[clients.count++] = (Client) { .fd = fd, .output = output, .sent = clients.chunk_size };
  else
    close (fd);
  return fits;
}

static void
drop_client (size_t index)
{
  Launch *launch = clients.launch;
  bool asker = clients.all[index].fd == launch->control;

  close (clients.all[index].fd);
  clients.all[index] = clients.all[--clients.count];
  if (asker)
    launch->control = -1;
  if (asker && launch->once && !launch->exited)
    kill (launch->pid, SIGKILL);
}

void
clients_drop (void)
{
  while (clients.count > 0)
    drop_client (0);
}

void
clients_tell (enum frame type, const void *data, uint32_t size)
{
  for (size_t i = clients.count; i-- > 0;)
    if (!send_frame (clients.all[i].fd, type, data, size))
      drop_client (i);
}

/* Sends on what the clients take now; the chunk is done when all have it whole. */
static void
flush_chunk (void)
{
  bool pending = false;

  for (size_t i = clients.count; i-- > 0 && clients.chunk_size > 0;)
    {
      Client *client = &clients.all[i];
      if (!client->output || client->sent == clients.chunk_size)
        continue;
      ssize_t n = send (client->fd, clients.chunk + client->sent, clients.chunk_size - client->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN && errno != EINTR)
        {
          drop_client (i);
          continue;
        }
      client->sent += n > 0 ? n : 0;
      pending = pending || client->sent < clients.chunk_size;
    }
  if (!pending)
    clients.chunk_size = 0;
}

unsigned char *
chunk_bytes (void)
{
  return clients.chunk + HEADER_BYTES;
}

bool
chunk_pending (void)
{
  return clients.chunk_size > 0;
}

void
chunk_send (enum frame type, uint32_t size)
{
  clients.chunk[0] = type;
  memcpy (clients.chunk + 1, &size, sizeof size);
  clients.chunk_size = HEADER_BYTES + size;
  for (size_t i = 0; i < clients.count; i++)
    clients.all[i].sent = 0;
  flush_chunk ();
}

void
chunk_give_up (void)
{
  for (size_t i = clients.count; i-- > 0;)
    if (clients.all[i].output && clients.all[i].sent < clients.chunk_size)
      drop_client (i);
  flush_chunk ();
}

static void
let_go (Launch *launch)
{
  char letter = MESSAGE_START;

  if (!launch->start_now && send (launch->channel, &letter, 1, MSG_NOSIGNAL) == 1)
    launch->start_now = true;
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
      input_end (clients.launch);
      break;
    case FRAME_START:
      let_go (clients.launch);
      break;
    default:
      break;
    }
  client->have = 0;
}

static bool
is_waiting_for_input (const Client *client)
{
  return client->have == HEADER_BYTES && client->header[0] == FRAME_INPUT && input_pending ();
}

/* The payload of a frame, or a part of it. */
static ssize_t
read_payload (Client *client)
{
  unsigned char rest[4];
  bool input = client->header[0] == FRAME_INPUT;
  size_t most = client->left < sizeof rest ? client->left : sizeof rest;
  ssize_t n = input ? input_receive (clients.launch, client->fd, client->left) : recv (client->fd, rest, most, MSG_DONTWAIT);

  if (n <= 0)
    return n;
  client->left -= n;
  if (client->header[0] == FRAME_RESIZE && n == sizeof rest)
    terminal_resize (clients.launch, rest);
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

size_t
clients_prepare (struct pollfd *slots)
{
  for (size_t i = 0; i < clients.count; i++)
    {
      const Client *client = &clients.all[i];
      bool late = client->output && client->sent < clients.chunk_size;
      short events = (is_waiting_for_input (client) ? POLLRDHUP : POLLIN) | (late ? POLLOUT : 0);
      slots[i] = (struct pollfd) { .fd = client->fd, .events = events };
    }
  return clients.count;
}

void
clients_serve (const struct pollfd *slots, size_t count)
{
  for (size_t i = count < clients.count ? count : clients.count; i-- > 0;)
    {
      bool waiting = is_waiting_for_input (&clients.all[i]);
      bool gone = waiting && (slots[i].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
      bool readable = !waiting && (slots[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
      if (gone || (readable && !read_client (&clients.all[i])))
        drop_client (i);
    }
  flush_chunk ();
}
