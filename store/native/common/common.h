/* What the native programs share. Each is small, static, and makes the system calls that Node cannot: it knows those, and
   nothing of what they are for. */
#pragma once

#include <stddef.h>

#define AUTO_CLOSE __attribute__ ((cleanup (close_fd)))
#define AUTO_FREE __attribute__ ((cleanup (free_pointer)))

void close_fd (int *fd);
void free_pointer (void *pointer);

/* Reports "step object: errno name" on stderr, or to the reporter if there is one, then exits 125. */
void die (const char *step, const char *object) __attribute__ ((noreturn));
/* The same with that errno. */
void die_of (int error, const char *step, const char *object) __attribute__ ((noreturn));
/* What die does instead of printing, before it exits; NULL prints again. */
typedef void (*Reporter) (const char *step, const char *object, const char *reason);
void report_with (Reporter reporter);

/* PROGRAM VERB ARGUMENT…: the verb gets itself as argv[0] and returns the exit status. */
typedef struct
{
  const char *name;
  int (*main) (int argc, char **argv);
} Verb;
/* Runs the one of `count` verbs that is named; 2 when none is. */
int run_verb (const Verb *verbs, size_t count, int argc, char **argv);
