/* Waits beside bridges that nobody is on. */
#pragma once

int linger_main (int argc, char **argv);
