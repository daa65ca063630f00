// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench/blk/guest/blk.h"
#include "lab/lib/proc.h"

#define S_NS 1000000000ull
/* Verify works on that many blocks at most, so that each of them is written again and again. */
#define VERIFY_BLOCKS 4096
#define PATTERN 0x9e3779b97f4a7c15ull

#define FAIL(l, ...) (snprintf((l)->error, sizeof((l)->error), __VA_ARGS__), -1)

static uint64_t pattern(uint64_t block, uint32_t generation, int word)
{
	return (block << 32 | generation) * PATTERN + word * (PATTERN | 1);
}

void blk_fill(void *data, int size, uint64_t block, uint32_t generation)
{
	uint64_t *words = data;

	for (int i = 0; i < size / 8; i++)
		words[i] = pattern(block, generation, i);
}

bool blk_matches(const void *data, int size, uint64_t block, uint32_t generation)
{
	const uint64_t *words = data;

	for (int i = 0; i < size / 8; i++)
		if (words[i] != pattern(block, generation, i))
			return false;
	return true;
}

static int open_device(struct blk_load *l, const struct blk_options *o)
{
	uint64_t bytes = 0;

	l->fd = open(o->device, (o->write || o->verify ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (l->fd < 0)
		return FAIL(l, "%s: %s", o->device, strerror(errno));
	if (ioctl(l->fd, BLKGETSIZE64, &bytes))
		return FAIL(l, "%s is no block device", o->device);
	l->blocks = bytes / o->size;
	if (o->verify && l->blocks > VERIFY_BLOCKS)
		l->blocks = VERIFY_BLOCKS;
	if (l->blocks < 2ull * o->depth)
		return FAIL(l, "%s is too small for %d requests of %d bytes", o->device, o->depth,
			    o->size);
	return 0;
}

static int allocate(struct blk_load *l)
{
	for (int i = 0; i < l->o->depth; i++) {
		struct blk_request *r = &l->requests[i];

		if (posix_memalign((void **)&r->data, 4096, l->o->size))
			return FAIL(l, "no memory");
		blk_fill(r->data, l->o->size, i, 1);
		r->next_free = l->free;
		l->free = r;
	}
	if (!l->o->verify)
		return 0;
	l->generation = calloc(l->blocks, sizeof(*l->generation));
	l->busy = calloc(l->blocks, sizeof(*l->busy));
	return l->generation && l->busy ? 0 : FAIL(l, "no memory");
}

int blk_open(struct blk_load *l, const struct blk_options *o)
{
	int ret;

	memset(l, 0, sizeof(*l));
	l->o = o;
	l->rng = rng_init(o->seed);
	hist_init(&l->hist);
	if (open_device(l, o) || allocate(l))
		return -1;
	ret = io_uring_queue_init(o->depth, &l->ring, 0);
	return ret ? FAIL(l, "io_uring: %s", strerror(-ret)) : 0;
}

void blk_close(struct blk_load *l)
{
	io_uring_queue_exit(&l->ring);
	for (int i = 0; i < l->o->depth; i++)
		free(l->requests[i].data);
	free(l->generation);
	free(l->busy);
	hist_free(&l->hist);
	close(l->fd);
}

/* Where the next request goes. Of a block, verify has one in flight at most. */
static void choose(struct blk_load *l, struct blk_request *r)
{
	r->write = l->o->write;
	if (!l->o->random && !l->o->verify) {
		r->block = l->position++ % l->blocks;
		return;
	}
	r->block = rng_next(&l->rng) % l->blocks;
	if (!l->o->verify)
		return;
	while (l->busy[r->block])
		r->block = (r->block + 1) % l->blocks;
	r->write = !l->generation[r->block] || rng_next(&l->rng) % 2;
}

static void begin(struct blk_load *l, struct blk_request *r, uint64_t begin_ns)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	r->begin_ns = begin_ns;
	if (l->o->verify) {
		l->busy[r->block] = true;
		if (r->write)
			blk_fill(r->data, l->o->size, r->block, ++l->generation[r->block]);
		else
			memset(r->data, 0, l->o->size);
	}
	if (r->write)
		io_uring_prep_write(sqe, l->fd, r->data, l->o->size, r->block * l->o->size);
	else
		io_uring_prep_read(sqe, l->fd, r->data, l->o->size, r->block * l->o->size);
	io_uring_sqe_set_data(sqe, r);
	l->inflight++;
}

/* As many as are due, and as there is room for: one that comes late is late by its own clock. */
static void begin_due(struct blk_load *l, uint64_t now)
{
	uint64_t interval = l->o->rate ? S_NS / l->o->rate : 0;

	if (!l->due_ns || !l->o->rate)
		l->due_ns = now;
	while (l->free && l->due_ns <= now) {
		struct blk_request *r = l->free;

		l->free = r->next_free;
		choose(l, r);
		begin(l, r, l->due_ns);
		l->due_ns += interval;
	}
}

static int complete(struct blk_load *l, const struct io_uring_cqe *cqe, uint64_t now)
{
	struct blk_request *r = io_uring_cqe_get_data(cqe);
	const char *what = r->write ? "write" : "read";

	l->inflight--;
	if (cqe->res != l->o->size)
		return FAIL(l, "%s of block %llu: %s", what, (unsigned long long)r->block,
			    cqe->res < 0 ? strerror(-cqe->res) : "not all of it");
	if (l->o->verify) {
		uint32_t generation = l->generation[r->block];

		l->busy[r->block] = false;
		if (!r->write && !blk_matches(r->data, l->o->size, r->block, generation))
			return FAIL(l, "block %llu is not what was written there last (write %u)",
				    (unsigned long long)r->block, generation);
		l->checked += !r->write;
	}
	if (l->recording) {
		l->completed++;
		hist_add(&l->hist, (now - r->begin_ns) / 1000);
	}
	r->next_free = l->free;
	l->free = r;
	return 0;
}

static int reap(struct blk_load *l, unsigned int *n)
{
	uint64_t now = proc_now_ns();
	struct io_uring_cqe *cqe;
	unsigned int head;
	int ret = 0;

	*n = 0;
	io_uring_for_each_cqe(&l->ring, head, cqe)
	{
		if (!ret)
			ret = complete(l, cqe, now);
		++*n;
	}
	io_uring_cq_advance(&l->ring, *n);
	return ret;
}

/* Submit what has begun and wait for a completion, until TIME at most. */
static int wait_until(struct blk_load *l, uint64_t time)
{
	uint64_t now = proc_now_ns();
	uint64_t left = time > now ? time - now : 0;
	struct __kernel_timespec ts = { left / S_NS, left % S_NS };
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit_and_wait_timeout(&l->ring, &cqe, 1, &ts, NULL);

	return ret < 0 && ret != -ETIME && ret != -EINTR ? FAIL(l, "io_uring: %s", strerror(-ret)) :
							   0;
}

static int step(struct blk_load *l, uint64_t until, uint64_t *last)
{
	unsigned int n;

	if (wait_until(l, until) || reap(l, &n))
		return -1;
	if (n || !l->inflight)
		*last = proc_now_ns();
	if (proc_now_ns() - *last > l->o->stall_s * S_NS)
		return FAIL(l, "no completion for %d s with %u in flight", l->o->stall_s,
			    l->inflight);
	return 0;
}

int blk_run(struct blk_load *l, uint64_t end_ns)
{
	uint64_t now = proc_now_ns(), last = now;

	while (now < end_ns) {
		uint64_t until = now + S_NS < end_ns ? now + S_NS : end_ns;

		begin_due(l, now);
		if (l->free && l->due_ns < until)
			until = l->due_ns;
		if (step(l, until, &last))
			return -1;
		now = proc_now_ns();
	}
	return 0;
}

int blk_drain(struct blk_load *l)
{
	uint64_t last = proc_now_ns();

	while (l->inflight)
		if (step(l, proc_now_ns() + S_NS, &last))
			return -1;
	return 0;
}

int blk_check_all(struct blk_load *l)
{
	uint64_t last = proc_now_ns();

	for (uint64_t block = 0; block < l->blocks;) {
		struct blk_request *r = l->free;

		if (!l->generation[block]) {
			block++;
		} else if (r) {
			l->free = r->next_free;
			r->block = block++;
			r->write = false;
			begin(l, r, proc_now_ns());
		} else if (step(l, proc_now_ns() + S_NS, &last)) {
			return -1;
		}
	}
	return blk_drain(l);
}
