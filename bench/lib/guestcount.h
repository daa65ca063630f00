/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The measured interval of a load inside of a guest: interrupts as the guest's kernel counts them.
 * "progress 0 1" and "progress 1 1" mark it for what the host counts over it.
 */
#ifndef BENCH_LIB_GUESTCOUNT_H
#define BENCH_LIB_GUESTCOUNT_H

#include "bench/lib/hist.h"

struct guestcount {
	const char *device; /* link to the virtio device, as in /sys/block/vda/device */
	int record_fd;
	/* Of the interval once it has ended; rx_irqs, which irqs has too, is -1 if the device receives nothing. */
	long long ns, irqs, rx_irqs;
};

/* -1: the device has no interrupts in /proc/interrupts. */
int guestcount_begin(struct guestcount *c, const char *device, int record_fd);
void guestcount_end(struct guestcount *c);

/* The answer: guest.hist and counts.txt, one "NAME VALUE" per line. 0 or -1. */
int guestcount_send(const struct guestcount *c, unsigned long long completed, const struct hist *h);

#endif
