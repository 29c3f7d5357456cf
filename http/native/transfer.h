/* Bytes between a socket and a file, by threads of their own: what Node would copy through its heap never comes there. */
#ifndef STRATA_TRANSFER_H
#define STRATA_TRANSFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum direction
{
  SEND,   /* file to socket */
  RECEIVE /* socket to file, hashed on the way */
};

/* A thread works on it until `settle` is called; the descriptors are its own, and whoever made it closes them after that. */
struct transfer
{
  enum direction direction;
  int socket; /* does not block */
  int file;
  off_t offset; /* where the file goes on */
  uint64_t left;
  bool copies; /* SEND: what goes is written, rather than lent to the socket page by page */
  char *head; /* came before the rest: written and hashed first */
  size_t head_done;
  size_t head_size;
  struct hash *hash;
  bool hash_goes_on; /* others add to it after this: it gives no digest */
  bool hash_failed;
  bool file_failed; /* `error` is of the file, not of the socket */
  _Atomic uint64_t moved; /* bytes of the socket */
  atomic_bool stopped;
  int epoll; /* of its thread */
  int error; /* errno of what ended it, 0 when nothing is left */
  void (*settle) (struct transfer *);
};

/* Hands it to the thread with the least to do. False with errno when it cannot begin. */
bool start_transfer (struct transfer *transfer);
/* It is settled with ECANCELED: soon when its connection is shut, else unless the client takes none of an earlier reply. */
void stop_transfer (struct transfer *transfer, bool shut);
/* None goes on after this: the process is about to end. */
void freeze_transfers (void);

/* What a step did. */
enum progress
{
  MORE,    /* there is more to do when the socket is ready */
  FINISHED /* or failed: see `error` */
};

struct hasher;

/* Moves what the socket takes or has, but not so much that others wait long. */
enum progress step_transfer (struct transfer *transfer, struct hasher *hasher);

/* A thread beside each that receives: it hashes what was written, in order, while more comes. */
struct hasher *start_hasher (void); /* NULL with errno */
/* Room for PIECE_BYTES; waits for it. */
char *take_piece (struct hasher *hasher);
/* The last room that was taken holds so much of `transfer` now. */
void hash_piece (struct hasher *hasher, struct transfer *transfer, size_t size);
/* It is settled behind its pieces. */
void hash_end (struct hasher *hasher, struct transfer *transfer);
void freeze_hasher (struct hasher *hasher);
#define PIECE_BYTES (256u << 10)

#define DIGEST_BYTES 32
struct hash *new_sha256 (void); /* NULL where this Node does not offer its OpenSSL */
/* One more that frees it. Only Node's thread counts. */
struct hash *share_hash (struct hash *hash);
bool add_to_hash (struct hash *hash, const void *bytes, size_t size);
bool finish_hash (struct hash *hash, unsigned char digest[DIGEST_BYTES]);
void free_hash (struct hash *hash);

/* A detached thread that leaves signals to Node's own. */
bool start_quiet_thread (void *(*run) (void *), void *argument);

#endif
