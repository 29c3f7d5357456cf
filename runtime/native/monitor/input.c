/* One piece of input is under way at a time: a program that does not read makes its client wait. */
#define _GNU_SOURCE
#include "input.h"
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define END_OF_TRANSMISSION "\004"

static struct
{
  unsigned char piece[INPUT_BYTES];
  size_t size, sent;
  bool ended;
} input;

bool
input_pending (void)
{
  return input.size > 0;
}

void
stream_close (Launch *launch, int index)
{
  int *ours = launch->ours;
  int fd = ours[index];

  if (fd < 0)
    return;
  for (int i = 0; i < 3; i++)
    if (ours[i] == fd)
      ours[i] = -1;
  close (fd);
}

void
input_flush (Launch *launch)
{
  int fd = launch->ours[0];

  if (input.sent < input.size && fd >= 0)
    {
      ssize_t n = write (fd, input.piece + input.sent, input.size - input.sent);
      if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
      input.sent = n < 0 ? input.size : input.sent + n;
    }
  if (fd >= 0 && input.sent < input.size)
    return;
  input.size = input.sent = 0;
  if (!input.ended || fd < 0)
    return;
  input.ended = false;
  if (launch->stdio != STDIO_TERMINAL)
    stream_close (launch, 0);
  else if (write (fd, END_OF_TRANSMISSION, 1) < 0)
    return; /* the terminal is gone: so is its reader */
}

ssize_t
input_receive (Launch *launch, int fd, size_t left)
{
  ssize_t n = recv (fd, input.piece, left < INPUT_BYTES ? left : INPUT_BYTES, MSG_DONTWAIT);

  if (n > 0)
    {
      input.size = n;
      input_flush (launch);
    }
  return n;
}

void
input_end (Launch *launch)
{
  input.ended = true;
  input_flush (launch);
}

void
terminal_resize (const Launch *launch, const unsigned char *size)
{
  struct winsize window = { .ws_col = size[0] | size[1] << 8, .ws_row = size[2] | size[3] << 8 };

  if (launch->stdio == STDIO_TERMINAL && launch->ours[0] >= 0)
    ioctl (launch->ours[0], TIOCSWINSZ, &window);
}
