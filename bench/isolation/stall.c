// SPDX-License-Identifier: GPL-2.0
#include "bench/isolation/stall.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "lab/lib/proc.h"

#define PERIOD_NS 10000000ll
/* Above the host's cyclictest. */
#define PRIORITY 95
#define START_LIMIT_MS 2000

static void *watch(void *arg)
{
	long long at = proc_now_ns(), late;
	struct stall *s = arg;
	struct timespec t;

	atomic_store(&s->next, at + PERIOD_NS);
	atomic_store(&s->tid, gettid());
	while (!atomic_load(&s->stop)) {
		at += PERIOD_NS;
		atomic_store(&s->next, at);
		t = (struct timespec){ at / 1000000000, at % 1000000000 };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		late = proc_now_ns() - at;
		/* those that were missed meanwhile are the same stall */
		if (late > PERIOD_NS)
			at += late;
		if (late > atomic_load(&s->worst))
			atomic_store(&s->worst, late);
	}
	return NULL;
}

static int start(struct stall *s, const pthread_attr_t *attr)
{
	int err = pthread_create(&s->thread, attr, watch, s);

	for (int ms = 0; !err && !atomic_load(&s->tid) && ms < START_LIMIT_MS; ms++)
		usleep(1000);
	return err;
}

int stall_begin(struct stall *s, int cpu)
{
	struct sched_param param = { .sched_priority = PRIORITY };
	pthread_attr_t attr;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	errno = start(s, &attr);
	pthread_attr_destroy(&attr);
	s->running = !errno;
	return s->running ? 0 : -1;
}

void stall_end(struct stall *s)
{
	if (!s->running)
		return;
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	s->running = false;
}

long long stall_worst_ns(struct stall *s)
{
	long long worst = atomic_exchange(&s->worst, 0);
	long long late = proc_now_ns() - atomic_load(&s->next);

	return late > worst ? late : worst;
}
