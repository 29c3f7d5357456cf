/* Pieces of files on their way to being hashed: a ring of them, filled by the thread that receives and emptied by one beside it. */
#define _GNU_SOURCE
#include "transfer.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* Some wait while the other thread waits for its turn; all together fit into a processor's cache. */
#define PIECES 8

struct piece
{
  struct transfer *transfer;
  size_t size; /* 0: the end of it */
};

struct hasher
{
  pthread_mutex_t lock; /* of the counts */
  pthread_cond_t filled, emptied;
  unsigned int first, count;
  pthread_mutex_t at_work;
  struct piece pieces[PIECES];
  char bytes[PIECES][PIECE_BYTES];
};

static void
hash (struct hasher *hasher, unsigned int at)
{
  struct transfer *transfer = hasher->pieces[at].transfer;

  if (hasher->pieces[at].size == 0)
    transfer->settle (transfer); /* it may be gone after that */
  else if (!add_to_hash (transfer->hash, hasher->bytes[at], hasher->pieces[at].size))
    transfer->hash_failed = true;
}

static void *
run (void *argument)
{
  struct hasher *hasher = argument;

  pthread_setname_np (pthread_self (), "strata-hash");
  for (;;)
    {
      pthread_mutex_lock (&hasher->lock);
      while (hasher->count == 0)
        pthread_cond_wait (&hasher->filled, &hasher->lock);
      unsigned int at = hasher->first;
      pthread_mutex_unlock (&hasher->lock);

      pthread_mutex_lock (&hasher->at_work);
      hash (hasher, at);
      pthread_mutex_unlock (&hasher->at_work);

      pthread_mutex_lock (&hasher->lock);
      hasher->first = (at + 1) % PIECES;
      hasher->count--;
      pthread_cond_signal (&hasher->emptied);
      pthread_mutex_unlock (&hasher->lock);
    }
  return NULL;
}

struct hasher *
start_hasher (void)
{
  struct hasher *hasher = calloc (1, sizeof *hasher);

  if (hasher == NULL)
    return NULL;
  pthread_mutex_init (&hasher->lock, NULL);
  pthread_mutex_init (&hasher->at_work, NULL);
  pthread_cond_init (&hasher->filled, NULL);
  pthread_cond_init (&hasher->emptied, NULL);
  if (start_quiet_thread (run, hasher))
    return hasher;
  free (hasher);
  return NULL;
}

/* Only one thread fills: the place behind the last is its own. */
static unsigned int
next (struct hasher *hasher)
{
  pthread_mutex_lock (&hasher->lock);
  while (hasher->count == PIECES)
    pthread_cond_wait (&hasher->emptied, &hasher->lock);
  unsigned int at = (hasher->first + hasher->count) % PIECES;
  pthread_mutex_unlock (&hasher->lock);
  return at;
}

char *
take_piece (struct hasher *hasher)
{
  return hasher->bytes[next (hasher)];
}

void
hash_piece (struct hasher *hasher, struct transfer *transfer, size_t size)
{
  hasher->pieces[next (hasher)] = (struct piece) { .transfer = transfer, .size = size };
  pthread_mutex_lock (&hasher->lock);
  hasher->count++;
  pthread_cond_signal (&hasher->filled);
  pthread_mutex_unlock (&hasher->lock);
}

void
hash_end (struct hasher *hasher, struct transfer *transfer)
{
  hash_piece (hasher, transfer, 0);
}

void
freeze_hasher (struct hasher *hasher)
{
  if (hasher != NULL)
    pthread_mutex_lock (&hasher->at_work);
}
