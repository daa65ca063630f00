/* SPDX-License-Identifier: GPL-2.0 */
/* coop-guest-stress: fio checks two disks in a guest, of which one comes and goes. */
#ifndef TESTS_STRESS_GUEST_STRESS_H
#define TESTS_STRESS_GUEST_STRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lab/lib/rng.h"

#define DISK_IO "io"
#define DISK_SPARE "spare"

/* --- disks, by their serial number ------------------------------------------------------------- */

struct disk {
	char name[16]; /* vda */
	long seq; /* another one each time the kernel finds the disk */
};

/* Is the disk there? */
bool disk_find(const char *serial, struct disk *d);
bool disk_wait(const char *serial, struct disk *d, int limit_ms);
/* Is it still the same? One that is being removed has no size. */
bool disk_same(const char *serial, const struct disk *d);
/* Directory of its virtio device, or of the PCI function that this is of. */
int disk_device(const struct disk *d, bool pci, char *path, size_t size);
/* Requests completed since the disk was found, and in flight. */
int disk_progress(const struct disk *d, unsigned long *done, unsigned long *inflight);

/* --- fio ---------------------------------------------------------------------------------------- */

enum pass_kind {
	PASS_FILL, /* write the kept half */
	PASS_KEPT, /* read it and compare */
	PASS_MIXED, /* write and read the other half, and compare what was written */
};

struct pass {
	const char *serial;
	enum pass_kind kind;
	int seed;
	/* what fio said */
	int error; /* errno of its first failure; 0: none */
	unsigned long requests;
	double longest_ms; /* of a request */
	char why[300];
};

/* 0: all right; -1: something is wrong, see p->error and p->why. */
int pass_run(struct pass *p, const struct disk *d);

/*
 * The same on a disk that may be taken away meanwhile: 1 if it was, and fio ended for no other
 * reason.
 */
int pass_try(struct pass *p);

/* --- trouble ------------------------------------------------------------------------------------ */

struct trouble {
	struct rng rng;
	int switches, masks, unbinds;
	char why[200];
};

/* One disturbance of each kind, in any order. */
int trouble_round(struct trouble *t);

#endif
