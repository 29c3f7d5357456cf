/* strata-minder VERB ARGUMENT…: small processes in containers and beside them. */
#include "common.h"
#include "minder.h"

int
main (int argc, char **argv)
{
  static const Verb verbs[] = { { "attend", attend_main }, { "enter", enter_main }, { "guard", guard_main },
                                { "hold", hold_main },     { "pause", pause_main }, { "reap", reap_main } };

  return run_verb (verbs, sizeof verbs / sizeof *verbs, argc, argv);
}
