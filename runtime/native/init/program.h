/* The program: found in the container, given its streams, executed. */
#pragma once

#include "launch.h"

/* find NAME PATH: as execvp does; dies with ENOENT or EACCES when nothing there can be executed. */
void program_find (char **fields);
/* folder PATH: the working folder, made when missing. What root may not enter (a remote home) the user may: asked again afterwards. */
void program_make_folder (char **fields);
void program_folder (char **fields);
void program_streams (Launch *launch, uid_t uid);
/* preserve COUNT: descriptors from 3 upward that the program keeps. */
void program_preserve (char **fields);
void program_prepare (Launch *launch, char **fields);
void program_execute (char **fields) __attribute__ ((noreturn));
