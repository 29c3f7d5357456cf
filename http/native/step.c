/* One step of a transfer: as much as the socket takes or has just now. */
#define _GNU_SOURCE
#include "transfer.h"
#include <errno.h>
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

/* Spec: sendfile(2): the pages of the file go to the socket as they are. */
static enum progress
send_some (struct transfer *transfer)
{
  for (size_t budget = STEP_BYTES; budget > 0 && transfer->left > 0;)
    {
      ssize_t count = sendfile (transfer->socket, transfer->file, &transfer->offset, at_most (transfer->left, budget));
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

/* Hashed while it is in the processor's cache. */
static bool
keep (struct transfer *transfer, const char *bytes, size_t size)
{
  if (!write_all (transfer, bytes, size))
    return false;
  errno = EIO;
  return add_to_hash (transfer->hash, bytes, size);
}

static enum progress
receive_some (struct transfer *transfer, char *buffer)
{
  if (transfer->head_size > 0)
    {
      if (!keep (transfer, transfer->head, transfer->head_size))
        return fail (transfer, errno);
      transfer->head_size = 0;
    }
  for (size_t budget = STEP_BYTES; budget > 0 && transfer->left > 0;)
    {
      ssize_t count = recv (transfer->socket, buffer, at_most (transfer->left, at_most (budget, BUFFER_BYTES)), 0);
      if (count < 0)
        return is_busy (errno) ? MORE : fail (transfer, errno);
      if (count == 0)
        return fail (transfer, ECONNRESET); /* no more comes */
      transfer->left -= count;
      transfer->moved += count;
      budget -= count;
      if (!keep (transfer, buffer, count))
        return fail (transfer, errno);
    }
  return transfer->left == 0 ? FINISHED : MORE;
}

enum progress
step_transfer (struct transfer *transfer, char *buffer)
{
  if (transfer->stopped)
    return fail (transfer, ECANCELED);
  return transfer->direction == SEND ? send_some (transfer) : receive_some (transfer, buffer);
}
