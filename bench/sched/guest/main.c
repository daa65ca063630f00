// SPDX-License-Identifier: GPL-2.0
/*
 * How late ordinary tasks run after they were woken, as schbench measures it: a message task wakes
 * each of its workers, which notes how long that took, works for a while and asks for the next
 * message. Runs in a guest as a job of its PID 1, or on the host. The answer is wakeup.hist.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench/lib/histrecord.h"
#include "bench/lib/spin.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

#define WORKERS_MAX 64
/* Not measured: until all workers have run once. */
#define WARM_NS 300000000ll

struct options {
	int workers, work_us, pause_us, seconds;
};

struct worker {
	pthread_t thread;
	int word; /* futex: 1 while a message waits */
	long long due_ns; /* when it should have been woken */
	struct hist hist;
	const struct options *o;
};

static struct worker workers[WORKERS_MAX];
static bool recording, ended;
static unsigned long loops_per_us;

static const char usage[] = "usage: coop-guest-sched [OPTION...]\n"
			    "  --workers N         tasks that are woken (2)\n"
			    "  --work US           what each of them does with a message (200)\n"
			    "  --pause US          between two rounds of messages (5000)\n"
			    "  --seconds S         (5)\n";

static const struct option long_options[] = {
	{ "workers", required_argument, NULL, 'w' }, { "work", required_argument, NULL, 'u' },
	{ "pause", required_argument, NULL, 'p' },   { "seconds", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },	     { 0 },
};

static int set_option(void *arg, int opt)
{
	struct options *o = arg;

	switch (opt) {
	case 'w':
		return proc_option_number("workers", optarg, 1, WORKERS_MAX, &o->workers);
	case 'u':
		return proc_option_number("work", optarg, 0, 1000000, &o->work_us);
	case 'p':
		return proc_option_number("pause", optarg, 100, 10000000, &o->pause_us);
	case 's':
		return proc_option_number("seconds", optarg, 1, 3600, &o->seconds);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

static void futex(int *word, int op, int value)
{
	syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		long long late;

		while (!__atomic_load_n(&w->word, __ATOMIC_ACQUIRE)) {
			if (__atomic_load_n(&ended, __ATOMIC_RELAXED))
				return NULL;
			futex(&w->word, FUTEX_WAIT, 0);
		}
		late = proc_now_ns() - w->due_ns;
		if (__atomic_load_n(&recording, __ATOMIC_RELAXED))
			hist_add(&w->hist, late > 0 ? late / 1000 : 0);
		spin(loops_per_us * w->o->work_us);
		__atomic_store_n(&w->word, 0, __ATOMIC_RELEASE);
	}
}

/* A worker that has not ended with its last message gets no other: it is not asleep. */
static void send_messages(const struct options *o, long long due_ns)
{
	for (int i = 0; i < o->workers; i++) {
		struct worker *w = &workers[i];

		if (__atomic_load_n(&w->word, __ATOMIC_ACQUIRE))
			continue;
		w->due_ns = due_ns;
		__atomic_store_n(&w->word, 1, __ATOMIC_RELEASE);
		futex(&w->word, FUTEX_WAKE, 1);
	}
}

/* At fixed times, so that a sender that comes late makes its messages late. */
static void send_until(const struct options *o, long long end)
{
	long long pause_ns = o->pause_us * 1000ll, due = proc_now_ns(), now = due;

	while (now < end) {
		struct timespec ts = { due / 1000000000, due % 1000000000 };

		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
			;
		send_messages(o, due);
		now = proc_now_ns();
		due += pause_ns * (1 + (now - due) / pause_ns);
	}
}

static int start_workers(const struct options *o)
{
	for (int i = 0; i < o->workers; i++) {
		workers[i].o = o;
		hist_init(&workers[i].hist);
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return -1;
	}
	return 0;
}

static void end_workers(const struct options *o)
{
	__atomic_store_n(&ended, true, __ATOMIC_RELAXED);
	for (int i = 0; i < o->workers; i++) {
		__atomic_store_n(&workers[i].word, 1, __ATOMIC_RELEASE);
		futex(&workers[i].word, FUTEX_WAKE, 1);
		pthread_join(workers[i].thread, NULL);
	}
}

static int send_answer(const struct options *o, int fd)
{
	struct hist sum;
	int ret = 0;

	hist_init(&sum);
	for (int i = 0; i < o->workers && !ret; i++)
		ret = hist_merge(&sum, &workers[i].hist);
	if (!ret)
		ret = sum.samples ? hist_send(fd, "wakeup.hist", &sum) : -1;
	hist_free(&sum);
	return ret;
}

int main(int argc, char **argv)
{
	struct options o = { .workers = 2, .work_us = 200, .pause_us = 5000, .seconds = 5 };
	int ret, fd = record_fd();

	ret = proc_options(argc, argv, long_options, set_option, &o);
	if (ret)
		return ret < 0 ? 2 : 0;
	loops_per_us = spin_calibrate();
	if (start_workers(&o)) {
		fprintf(stderr, "coop: cannot start %d threads\n", o.workers);
		return 1;
	}
	send_until(&o, proc_now_ns() + WARM_NS);
	record_progress(fd, 0, 1, "measuring");
	__atomic_store_n(&recording, true, __ATOMIC_RELAXED);
	send_until(&o, proc_now_ns() + o.seconds * 1000000000ll);
	__atomic_store_n(&recording, false, __ATOMIC_RELAXED);
	record_progress(fd, 1, 1, "measured");
	end_workers(&o);
	if (send_answer(&o, fd)) {
		fprintf(stderr, "coop: no worker was woken\n");
		return 1;
	}
	return 0;
}
