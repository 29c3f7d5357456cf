/* The verbs of strata-helper. */
#pragma once

int launch_main (int argc, char **argv);
int pack_main (int argc, char **argv);
int unpack_main (int argc, char **argv);
int show_main (int argc, char **argv);
