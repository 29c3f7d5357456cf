/*
 * The threads: each waits for the sockets of its transfers and does a step for those that are ready. A client that is slow
 * costs nothing, whatever their number. Started when the first transfer comes, and kept.
 */
#define _GNU_SOURCE
#include "transfer.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_THREADS 4
#define EVENTS 16
#define RECEIVE_BUFFER_BYTES (1 << 20)

struct thread
{
  int epoll;
  atomic_uint transfers;
  pthread_mutex_t at_work; /* held while it does more than wait */
  struct hasher *hasher;
};

static struct thread threads[MOST_THREADS];
static unsigned int thread_count;

static void
serve (struct thread *thread, struct epoll_event *event)
{
  struct transfer *transfer = event->data.ptr;

  if (step_transfer (transfer, thread->hasher) == MORE)
    return;
  epoll_ctl (thread->epoll, EPOLL_CTL_DEL, transfer->socket, NULL);
  thread->transfers--;
  if (transfer->direction == SEND) /* it may be gone after that */
    transfer->settle (transfer);
  else
    hash_end (thread->hasher, transfer);
}

static void *
run (void *argument)
{
  struct thread *thread = argument;
  struct epoll_event events[EVENTS];

  pthread_setname_np (pthread_self (), "strata-transfer");
  for (;;)
    {
      int count = epoll_wait (thread->epoll, events, EVENTS, -1);
      pthread_mutex_lock (&thread->at_work);
      for (int at = 0; at < count; at++)
        serve (thread, &events[at]);
      pthread_mutex_unlock (&thread->at_work);
    }
  return NULL;
}

bool
start_quiet_thread (void *(*run) (void *), void *argument)
{
  sigset_t all, before;
  pthread_attr_t attributes;
  pthread_t id;

  pthread_attr_init (&attributes);
  pthread_attr_setdetachstate (&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &before);
  errno = pthread_create (&id, &attributes, run, argument);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  pthread_attr_destroy (&attributes);
  return errno == 0;
}

static bool
start_thread (struct thread *thread)
{
  pthread_mutex_init (&thread->at_work, NULL);
  thread->epoll = epoll_create1 (EPOLL_CLOEXEC);
  if (thread->epoll >= 0 && start_quiet_thread (run, thread))
    return true;
  if (thread->epoll >= 0)
    close (thread->epoll);
  return false;
}

static struct thread *
choose_thread (void)
{
  struct thread *least = NULL;
  long cores = sysconf (_SC_NPROCESSORS_ONLN);

  for (unsigned int at = 0; at < thread_count; at++)
    if (least == NULL || threads[at].transfers < least->transfers)
      least = &threads[at];
  if (least != NULL && (least->transfers == 0 || thread_count == MOST_THREADS || thread_count >= cores))
    return least;
  if (!start_thread (&threads[thread_count]))
    return least;
  return &threads[thread_count++];
}

/* Only Node's thread starts them; its own looks when something is received. */
static bool
has_hasher (struct thread *thread)
{
  if (thread->hasher == NULL)
    thread->hasher = start_hasher ();
  return thread->hasher != NULL;
}

/* The kernel makes room for as much as must wait before anybody is woken, and keeps it: a sender goes on while the thread is at other work. */
static void
widen (int socket)
{
  const int wide = RECEIVE_BUFFER_BYTES, least = 1;

  setsockopt (socket, SOL_SOCKET, SO_RCVLOWAT, &wide, sizeof wide);
  setsockopt (socket, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof least);
}

bool
start_transfer (struct transfer *transfer)
{
  struct thread *thread = choose_thread ();
  struct epoll_event event = { .events = transfer->direction == RECEIVE && transfer->left > 0 ? EPOLLIN : EPOLLOUT, .data.ptr = transfer };

  if (thread == NULL || (transfer->direction == RECEIVE && !has_hasher (thread)))
    return false;
  if (transfer->direction == RECEIVE)
    widen (transfer->socket);
  transfer->epoll = thread->epoll;
  thread->transfers++;
  if (epoll_ctl (thread->epoll, EPOLL_CTL_ADD, transfer->socket, &event) == 0)
    return true;
  thread->transfers--;
  return false;
}

/* What is shut is ready for everything, which wakes the thread. Left open it does so only where nothing waits to be sent. */
void
stop_transfer (struct transfer *transfer, bool shut)
{
  struct epoll_event event = { .events = EPOLLIN | EPOLLOUT, .data.ptr = transfer };

  transfer->stopped = true;
  if (shut)
    shutdown (transfer->socket, SHUT_RDWR);
  epoll_ctl (transfer->epoll, EPOLL_CTL_MOD, transfer->socket, &event);
}

void
freeze_transfers (void)
{
  for (unsigned int at = 0; at < thread_count; at++)
    {
      pthread_mutex_lock (&threads[at].at_work);
      freeze_hasher (threads[at].hasher);
    }
}
