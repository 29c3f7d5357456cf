/* Pieces on their way from a socket to a file and a hash: a ring of them. The thread that receives fills it; one beside it writes the pieces, in order,
   so that a file whose process is killed has no holes; and one more hashes what was written. */
#define _GNU_SOURCE
#include "transfer.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* Some wait while another thread waits for its turn; all together fit into a processor's cache. */
#define PIECES 8

struct piece
{
  struct transfer *transfer;
  size_t size; /* 0: the end of it */
};

/* Goes no further than the one before it. */
struct stage
{
  const char *name;
  void (*act) (struct piece *piece, const char *bytes);
  struct line *line;
  unsigned int done; /* pieces, ever */
  pthread_cond_t moved;
  pthread_mutex_t at_work;
};

enum
{
  FILLED,
  WRITTEN,
  HASHED,
  STAGES
};

struct line
{
  pthread_mutex_t lock; /* of what is done */
  struct stage stages[STAGES];
  struct piece pieces[PIECES];
  char bytes[PIECES][PIECE_BYTES];
};

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

/* Nothing is written behind what could not be, and nobody waits for more of it to come. */
static void
write_piece (struct piece *piece, const char *bytes)
{
  if (piece->transfer->file_error != 0 || write_all (piece->transfer, bytes, piece->size))
    return;
  piece->transfer->file_error = errno;
  wake_transfer (piece->transfer);
}

static void
hash_piece (struct piece *piece, const char *bytes)
{
  struct transfer *transfer = piece->transfer;

  if (piece->size == 0)
    transfer->settle (transfer); /* it may be gone after that */
  else if (!add_to_hash (transfer->hash, bytes, piece->size))
    transfer->hash_failed = true;
}

static void
advance (struct stage *stage)
{
  pthread_mutex_lock (&stage->line->lock);
  stage->done++;
  pthread_cond_signal (&stage->moved);
  pthread_mutex_unlock (&stage->line->lock);
}

static void *
run (void *argument)
{
  struct stage *stage = argument, *before = stage - 1;
  struct line *line = stage->line;

  pthread_setname_np (pthread_self (), stage->name);
  for (;;)
    {
      pthread_mutex_lock (&line->lock);
      while (stage->done == before->done)
        pthread_cond_wait (&before->moved, &line->lock);
      unsigned int at = stage->done % PIECES;
      pthread_mutex_unlock (&line->lock);

      pthread_mutex_lock (&stage->at_work);
      stage->act (&line->pieces[at], line->bytes[at]);
      pthread_mutex_unlock (&stage->at_work);
      advance (stage);
    }
  return NULL;
}

/* What began keeps the ring: it waits for ever where the other did not. */
struct line *
start_line (void)
{
  static const struct stage kinds[STAGES] = { { 0 }, { .name = "strata-write", .act = write_piece }, { .name = "strata-hash", .act = hash_piece } };
  struct line *line = calloc (1, sizeof *line);

  if (line == NULL)
    return NULL;
  pthread_mutex_init (&line->lock, NULL);
  for (int at = 0; at < STAGES; at++)
    {
      line->stages[at] = kinds[at];
      line->stages[at].line = line;
      pthread_cond_init (&line->stages[at].moved, NULL);
      pthread_mutex_init (&line->stages[at].at_work, NULL);
    }
  if (!start_quiet_thread (run, &line->stages[WRITTEN]))
    {
      free (line);
      return NULL;
    }
  return start_quiet_thread (run, &line->stages[HASHED]) ? line : NULL;
}

/* Only one thread fills: the place behind the last is its own. */
static unsigned int
next (struct line *line)
{
  pthread_mutex_lock (&line->lock);
  while (line->stages[FILLED].done - line->stages[HASHED].done == PIECES)
    pthread_cond_wait (&line->stages[HASHED].moved, &line->lock);
  unsigned int at = line->stages[FILLED].done % PIECES;
  pthread_mutex_unlock (&line->lock);
  return at;
}

char *
take_piece (struct line *line)
{
  return line->bytes[next (line)];
}

void
pass_piece (struct line *line, struct transfer *transfer, size_t size)
{
  line->pieces[next (line)] = (struct piece) { .transfer = transfer, .size = size };
  advance (&line->stages[FILLED]);
}

void
pass_end (struct line *line, struct transfer *transfer)
{
  pass_piece (line, transfer, 0);
}

void
freeze_line (struct line *line)
{
  for (int at = WRITTEN; line != NULL && at < STAGES; at++)
    pthread_mutex_lock (&line->stages[at].at_work);
}
