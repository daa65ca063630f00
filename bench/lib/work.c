// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <time.h>

#include "bench/lib/spin.h"
#include "bench/lib/work.h"

/* The part of a piece of work that is done under the lock, in percent. */
#define LOCKED_PERCENT 25

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long long useful_ns;

static long long thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

/* What was stolen meanwhile is no CPU time of the thread's: the guest's kernel takes it off. */
void work_do(unsigned long loops)
{
	long long begin = thread_ns();

	spin(loops);
	work_add_ns(thread_ns() - begin);
}

void work_do_locked(unsigned long loops)
{
	unsigned long locked = loops * LOCKED_PERCENT / 100;

	work_do(loops - locked);
	pthread_mutex_lock(&lock);
	work_do(locked);
	pthread_mutex_unlock(&lock);
}

void work_add_ns(long long ns)
{
	__atomic_add_fetch(&useful_ns, ns, __ATOMIC_RELAXED);
}

long long work_useful_ns(void)
{
	return __atomic_load_n(&useful_ns, __ATOMIC_RELAXED);
}
