/* The helper: one small static program that makes the system calls Node cannot.
   It knows system calls, not OCI: TypeScript lowers every wish to a list of operations. */
#pragma once

#define AUTO_CLOSE __attribute__ ((cleanup (close_fd)))
#define AUTO_FREE __attribute__ ((cleanup (free_pointer)))

void close_fd (int *fd);
void free_pointer (void *pointer);

/* Reports "step object: errno name" on stderr, or to the reporter if there is one, then exits 125. */
void die (const char *step, const char *object) __attribute__ ((noreturn));
/* What die does instead of printing, before it exits; NULL prints again. */
typedef void (*Reporter) (const char *step, const char *object, const char *reason);
void report_with (Reporter reporter);

/* Verbs: argv[0] is the verb. Each returns the exit status. */
int files_main (int argc, char **argv);
int guard_main (int argc, char **argv);
int network_main (int argc, char **argv);
int launch_main (int argc, char **argv);
int lock_main (int argc, char **argv);
int netns_main (int argc, char **argv);
int pause_main (int argc, char **argv);
int pulse_main (int argc, char **argv);
int reap_main (int argc, char **argv);
int unpack_main (int argc, char **argv);
