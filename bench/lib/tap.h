/* SPDX-License-Identifier: GPL-2.0 */
/* A network between L1 and one guest, over a tap device: number N is 10.77.N.0/24. */
#ifndef BENCH_LIB_TAP_H
#define BENCH_LIB_TAP_H

#include <netinet/in.h>

#define TAP_NAME_MAX 16

/* Its first address is L1's, its second the guest's. */
#define TAP_HOST 1
#define TAP_GUEST 2

/* The address of TAP_HOST or TAP_GUEST in that network, with a port. */
struct sockaddr_in tap_address(int network, int which, int port);

/* "coopN" */
void tap_name(char name[TAP_NAME_MAX], int network);

/* Give INTERFACE that address, and take it up. 0 or -1 with errno. */
int tap_configure(const char *interface, int network, int which);

/* Make the device in L1; it stays, for QEMU to open, and may be there already. 0 or -1 with errno. */
int tap_make(int network);

#endif
