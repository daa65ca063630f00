/* SPDX-License-Identifier: GPL-2.0 */
/* coop-guest-blk: block requests from inside of a guest, through io_uring and past its page cache. */
#ifndef BENCH_BLK_GUEST_BLK_H
#define BENCH_BLK_GUEST_BLK_H

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/lib/hist.h"
#include "lab/lib/rng.h"

#define BLK_DEPTH_MAX 256

struct blk_options {
	const char *device;
	bool write, random;
	bool hog; /* compute beside */
	bool switch_vcpu; /* off and on, meanwhile */
	bool verify; /* random reads and writes whose data are checked */
	int size, depth, seconds;
	int rate; /* requests per second, or 0: a new one for each that ends */
	int seed, stall_s;
};

struct blk_request {
	struct blk_request *next_free;
	char *data;
	uint64_t begin_ns; /* when it was meant to begin */
	uint64_t block;
	bool write;
};

struct blk_load {
	const struct blk_options *o;
	struct io_uring ring;
	int fd;
	uint64_t blocks; /* of o->size */
	uint64_t position; /* where the next request goes, or by */
	struct rng rng;
	struct blk_request requests[BLK_DEPTH_MAX], *free;
	unsigned int inflight;
	uint32_t *generation; /* verify: how often each block was written, 0: never */
	bool *busy; /* verify: in flight */
	uint64_t due_ns; /* open loop: when the next request is meant to begin */
	uint64_t completed, checked;
	struct hist hist;
	bool recording;
	char error[200];
};

/* All return 0, or -1 with the reason in load->error. */
int blk_open(struct blk_load *load, const struct blk_options *o);

/* Keep the load up until END_NS, by CLOCK_MONOTONIC; requests stay in flight. */
int blk_run(struct blk_load *load, uint64_t end_ns);

/* Begin no more, wait for those in flight. */
int blk_drain(struct blk_load *load);

/* Read everything that verify has written. */
int blk_check_all(struct blk_load *load);
void blk_close(struct blk_load *load);

/* What a block contains after it has been written that often. */
void blk_fill(void *data, int size, uint64_t block, uint32_t generation);
bool blk_matches(const void *data, int size, uint64_t block, uint32_t generation);

/*
 * Start a child that takes the second vCPU off and on again and again: its queue's interrupt is
 * masked, and the queue has to be idle for that. Returns its pid or -1.
 */
pid_t blk_switch_vcpu(void);

#endif
