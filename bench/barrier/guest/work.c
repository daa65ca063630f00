// SPDX-License-Identifier: GPL-2.0
/* The shapes of parallel programs: what their threads wait for. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench/barrier/guest/work.h"
#include "bench/lib/work.h"

/* Messages that fit between two stages of the pipeline. */
#define QUEUE_MAX 4
static unsigned long piece_loops(const struct options *o)
{
	return (unsigned long)o->work_us * o->loops_per_us;
}

static void piece(const struct options *o)
{
	work_do(piece_loops(o));
}

/* --- all wait for the last one, asleep ---------------------------------------------------------- */

static pthread_barrier_t barrier;

static int prepare_barrier(const struct options *o)
{
	return pthread_barrier_init(&barrier, NULL, o->threads) ? -1 : 0;
}

static void run_blocking(const struct options *o, int thread)
{
	(void)thread;
	for (int i = 0; i < o->rounds; i++) {
		piece(o);
		pthread_barrier_wait(&barrier);
	}
}

/* --- the same, awake ---------------------------------------------------------------------------- */

static int arrived, generation;

static void spinning_barrier(int threads)
{
	int now = __atomic_load_n(&generation, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == threads) {
		__atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&generation, now + 1, __ATOMIC_RELEASE);
		return;
	}
	while (__atomic_load_n(&generation, __ATOMIC_ACQUIRE) == now)
		__builtin_ia32_pause();
}

static void run_spinning(const struct options *o, int thread)
{
	(void)thread;
	for (int i = 0; i < o->rounds; i++) {
		piece(o);
		spinning_barrier(o->threads);
	}
}

/* --- stages with queues between them ------------------------------------------------------------ */

static struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int used;
} queues[THREADS_MAX];

static int prepare_queues(const struct options *o)
{
	for (int i = 0; i < o->threads; i++) {
		queues[i].used = 0;
		if (pthread_mutex_init(&queues[i].lock, NULL) ||
		    pthread_cond_init(&queues[i].changed, NULL))
			return -1;
	}
	return 0;
}

static void queue_change(struct queue *q, int by)
{
	pthread_mutex_lock(&q->lock);
	while (q->used + by < 0 || q->used + by > QUEUE_MAX)
		pthread_cond_wait(&q->changed, &q->lock);
	q->used += by;
	pthread_cond_broadcast(&q->changed);
	pthread_mutex_unlock(&q->lock);
}

static void run_pipeline(const struct options *o, int thread)
{
	for (int i = 0; i < o->rounds; i++) {
		if (thread)
			queue_change(&queues[thread], -1);
		piece(o);
		if (thread + 1 < o->threads)
			queue_change(&queues[thread + 1], 1);
	}
}

/* --- one lock for all --------------------------------------------------------------------------- */

static void run_mutex(const struct options *o, int thread)
{
	(void)thread;
	for (int i = 0; i < o->rounds; i++)
		work_do_locked(piece_loops(o));
}

/* --- who has nothing left takes from the others ------------------------------------------------- */

static int left[THREADS_MAX];

static int prepare_stealing(const struct options *o)
{
	for (int i = 0; i < o->threads; i++)
		left[i] = o->rounds;
	return 0;
}

static bool take(int *from)
{
	int n = __atomic_load_n(from, __ATOMIC_RELAXED);

	while (n > 0)
		if (__atomic_compare_exchange_n(from, &n, n - 1, true, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static void run_stealing(const struct options *o, int thread)
{
	for (int i = 0; i < o->threads; i++)
		while (take(&left[(thread + i) % o->threads]))
			piece(o);
}

const struct workload workloads[] = {
	{ "blocking", prepare_barrier, run_blocking },
	{ "spinning", NULL, run_spinning },
	{ "pipeline", prepare_queues, run_pipeline },
	{ "mutex", NULL, run_mutex },
	{ "stealing", prepare_stealing, run_stealing },
	{ "openmp", prepare_openmp, run_openmp },
	{ NULL, NULL, NULL },
};

const struct workload *find_workload(const char *name)
{
	for (const struct workload *w = workloads; w->name; w++)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}
