/* One step of a transfer: as much as the socket takes or has just now. */
#define _GNU_SOURCE
#include "transfer.h"
#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* Others wait meanwhile. */
#define STEP_BYTES (4u << 20)

static size_t
at_most (uint64_t left, size_t most)
{
  return left < most ? (size_t) left : most;
}

static enum progress
fail (struct transfer *transfer, int error)
{
  transfer->error = error;
  return FINISHED;
}

static bool
is_busy (int error)
{
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

#define COPY_BYTES (256u << 10)

/* Costs this thread more than sendfile, and whoever receives less: what is written fills the socket's pages, and its window grows. */
static ssize_t
copy_part (struct transfer *transfer, size_t size)
{
  static _Thread_local char bytes[COPY_BYTES];
  ssize_t count = pread (transfer->file, bytes, at_most (size, COPY_BYTES), transfer->offset);

  if (count > 0)
    count = send (transfer->socket, bytes, count, MSG_NOSIGNAL);
  if (count > 0)
    transfer->offset += count;
  return count;
}

/* Spec: sendfile(2): the pages of the file go to the socket as they are. */
static ssize_t
send_part (struct transfer *transfer, size_t size)
{
  return transfer->copies ? copy_part (transfer, size) : sendfile (transfer->socket, transfer->file, &transfer->offset, size);
}

static enum progress
send_some (struct transfer *transfer)
{
  for (size_t budget = STEP_BYTES; budget > 0 && transfer->left > 0;)
    {
      ssize_t count = send_part (transfer, at_most (transfer->left, budget));
      if (count < 0)
        return is_busy (errno) ? MORE : fail (transfer, errno);
      if (count == 0)
        return fail (transfer, ENODATA); /* the file is shorter than it was */
      transfer->left -= count;
      transfer->moved += count;
      budget -= count;
    }
  return transfer->left == 0 ? FINISHED : MORE;
}

static bool
write_all (struct transfer *transfer, const char *bytes, size_t size)
{
  for (size_t done = 0; done < size;)
    {
      ssize_t count = pwrite (transfer->file, bytes + done, size - done, transfer->offset);
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return false;
      transfer->offset += count;
      done += count;
    }
  return true;
}

/* As much as is here for one piece: large writes cost less. Gives its size; `error` is what ended it. */
static size_t
fill_piece (struct transfer *transfer, char *piece, int *error)
{
  size_t size = at_most (transfer->head_size - transfer->head_done, PIECE_BYTES);
  uint64_t most = size + at_most (transfer->left, PIECE_BYTES - size);

  if (size > 0)
    memcpy (piece, transfer->head + transfer->head_done, size);
  transfer->head_done += size;
  while (size < most)
    {
      ssize_t count = recv (transfer->socket, piece + size, most - size, 0);
      if (count <= 0)
        {
          *error = count < 0 ? errno : ECONNRESET; /* no more comes */
          break;
        }
      transfer->left -= count;
      transfer->moved += count;
      size += count;
    }
  return size;
}

static bool
is_received (const struct transfer *transfer)
{
  return transfer->left == 0 && transfer->head_done == transfer->head_size;
}

static enum progress
receive_some (struct transfer *transfer, struct hasher *hasher)
{
  for (size_t done = 0; done < STEP_BYTES && !is_received (transfer); done += PIECE_BYTES)
    {
      char *piece = take_piece (hasher);
      int error = 0;
      size_t size = fill_piece (transfer, piece, &error);
      if (size > 0 && !write_all (transfer, piece, size))
        {
          transfer->file_failed = true;
          return fail (transfer, errno);
        }
      if (size > 0)
        hash_piece (hasher, transfer, size);
      if (error != 0)
        return is_busy (error) ? MORE : fail (transfer, error);
    }
  return is_received (transfer) ? FINISHED : MORE;
}

enum progress
step_transfer (struct transfer *transfer, struct hasher *hasher)
{
  if (transfer->stopped)
    return fail (transfer, ECANCELED);
  return transfer->direction == SEND ? send_some (transfer) : receive_some (transfer, hasher);
}
