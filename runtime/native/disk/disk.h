/* A file that holds a file system: how much a container may write where the machine's own file systems set no bounds. Nothing that the machine
   sees is mounted, and the loop device goes with the last mount; so no end of any process leaves something behind. All die on failure. */
#pragma once

/* Its file system as a mount that is nowhere yet, by descriptor: before groups are joined, whose rules deny the device. */
int disk_open (const char *image);
/* Onto `target` of this mount namespace, which is to tell no other of it. */
void disk_attach (int tree, const char *target);
/* disk IMAGE TARGET: both, in a mount namespace of its own. */
void disk_apart (char **fields);
