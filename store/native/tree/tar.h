/* A layer's tar, written to stdout in pieces of its buffer. What cannot be read or written ends the program. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* What a header's name field holds. */
#define TAR_NAME_BYTES 100

/* One entry: its header, path and source follow. A plain file's or folder's header may be left out: it is made here. */
struct wish
{
  uint8_t type; /* d folder, f copy, l link, b content in place of the source, r read only, D a folder that is there, h s links in the layer, t dress, n nothing */
  uint8_t unused[3];
  uint32_t mode, uid, gid;
  int64_t mtime;
  uint64_t size; /* of the content */
  uint32_t head_length, path_length, source_length;
} __attribute__ ((packed));

/* The same bytes as store/tar/header.ts, for what fits into one block: its test holds the two together. */
void tar_header (const struct wish *wish, const char *path);
/* `left` bytes from stdin to the tar and, unless `target` is -1, to that file; `path` is for messages. */
void tar_input (uint64_t left, int target, const char *path);
/* The same from an open file. */
void tar_file (int source, uint64_t left, int target, const char *path);
/* Zeros up to the end of the last block of `size` bytes. */
void tar_pad (uint64_t size);
void tar_end (void);
/* From stdin, all of `length`. */
void tar_read (void *into, size_t length);
