/* The verbs of strata-minder. */
#pragma once

int attend_main (int argc, char **argv);
int enter_main (int argc, char **argv);
int guard_main (int argc, char **argv);
int hold_main (int argc, char **argv);
int pause_main (int argc, char **argv);
int reap_main (int argc, char **argv);
