/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_NET_PEER_H
#define BENCH_NET_PEER_H

/* Send back what guests ask for, see wire.h, over the bound socket FD. Does not return. */
void peer_serve(int fd) __attribute__((noreturn));

#endif
