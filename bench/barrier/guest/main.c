// SPDX-License-Identifier: GPL-2.0
/*
 * A parallel program whose threads have to wait for each other, in a guest as a job of its PID 1.
 * Its answer has the runtime and the CPU time that all threads together have spent on their work.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/barrier/guest/work.h"
#include "bench/lib/guestanswer.h"
#include "bench/lib/spin.h"
#include "bench/lib/work.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

struct thread {
	pthread_t thread;
	const struct options *o;
	int number;
};

static pthread_barrier_t ready;

static const char usage[] =
	"usage: coop-guest-barrier [OPTION...]\n"
	"  --workload NAME     blocking, spinning, pipeline, mutex, stealing, openmp (blocking)\n"
	"  --threads N         (2)\n"
	"  --work US           of CPU time between two meetings (5000)\n"
	"  --rounds N          pieces of work per thread (100)\n"
	"  --loops-per-us N    speed of this machine (is measured)\n";

static const struct option long_options[] = {
	{ "workload", required_argument, NULL, 'w' },
	{ "threads", required_argument, NULL, 't' },
	{ "work", required_argument, NULL, 'u' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "loops-per-us", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_workload(struct options *o, const char *name)
{
	o->workload = find_workload(name);
	if (o->workload)
		return 0;
	fprintf(stderr,
		"coop: unknown workload '%s': blocking, spinning, pipeline, mutex, stealing or openmp\n",
		name);
	return -1;
}

static int set_option(void *arg, int opt)
{
	struct options *o = arg;

	switch (opt) {
	case 'w':
		return set_workload(o, optarg);
	case 't':
		return proc_option_number("threads", optarg, 1, THREADS_MAX, &o->threads);
	case 'u':
		return proc_option_number("work", optarg, 1, 1000000, &o->work_us);
	case 'r':
		return proc_option_number("rounds", optarg, 1, 1000000, &o->rounds);
	case 'l':
		return proc_option_number("loops-per-us", optarg, 1, 100000, &o->loops_per_us);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

static void *thread_main(void *arg)
{
	const struct thread *t = arg;

	pthread_barrier_wait(&ready);
	t->o->workload->run(t->o, t->number);
	return NULL;
}

/* From when all threads are there until the last one has ended; ns, or -1. */
static long long run(const struct options *o, int record_fd)
{
	static struct thread threads[THREADS_MAX];
	long long begin;

	if (pthread_barrier_init(&ready, NULL, o->threads + 1) ||
	    (o->workload->prepare && o->workload->prepare(o)))
		return -1;
	for (int i = 0; i < o->threads; i++) {
		threads[i].o = o;
		threads[i].number = i;
		if (pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]))
			return -1;
	}
	record_progress(record_fd, 0, 1, "measuring");
	begin = proc_now_ns();
	pthread_barrier_wait(&ready);
	for (int i = 0; i < o->threads; i++)
		pthread_join(threads[i].thread, NULL);
	return proc_now_ns() - begin;
}

int main(int argc, char **argv)
{
	struct options o = { .threads = 2, .work_us = 5000, .rounds = 100 };
	int ret, fd = record_fd();
	long long ns;

	set_workload(&o, "blocking");
	ret = proc_options(argc, argv, long_options, set_option, &o);
	if (ret)
		return ret < 0 ? 2 : 0;
	if (!o.loops_per_us)
		o.loops_per_us = spin_calibrate();
	ns = run(&o, fd);
	record_progress(fd, 1, 1, "measured");
	if (ns < 0) {
		fprintf(stderr, "coop: cannot start %d threads\n", o.threads);
		return 1;
	}
	return guest_answer_send(fd, "runtime_ns %lld\nuseful_ns %lld\n", ns, work_useful_ns()) ?
		       1 :
		       0;
}
