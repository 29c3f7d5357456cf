/* What goes to the program: its input, from one piece at a time, and the size of its terminal. */
#pragma once

#include "launch.h"

#define INPUT_BYTES 16384

/* A piece waits until the program takes it; nothing more may be received meanwhile. */
bool input_pending (void);
/* At most `left` bytes from a client's socket; as recv returns it. */
ssize_t input_receive (Launch *launch, int fd, size_t left);
/* Hands on what is pending, as much as the program takes now. */
void input_flush (Launch *launch);
/* The end of input, after what is pending. */
void input_end (Launch *launch);
/* The monitor's end of stream `index`, and of whatever else is the same descriptor. */
void stream_close (Launch *launch, int index);
/* u16 width, u16 height, little-endian. */
void terminal_resize (const Launch *launch, const unsigned char *size);
