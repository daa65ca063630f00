/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_BARRIER_GUEST_WORK_H
#define BENCH_BARRIER_GUEST_WORK_H

#define THREADS_MAX 64

struct options {
	const struct workload *workload;
	int threads, work_us, rounds;
	int loops_per_us; /* of spin(); 0: find out here */
};

/* What all threads do together: rounds times threads pieces of work. */
struct workload {
	const char *name;
	int (*prepare)(const struct options *o); /* 0 or -1; NULL: nothing to do */
	void (*run)(const struct options *o, int thread); /* in each thread */
};

extern const struct workload workloads[];
const struct workload *find_workload(const char *name);

/* A program from elsewhere takes their place. */
int prepare_openmp(const struct options *o);
void run_openmp(const struct options *o, int thread);

#endif
