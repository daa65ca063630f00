// SPDX-License-Identifier: GPL-2.0
/*
 * A server with several threads, and the requests to it, in a guest as a job of its PID 1. Requests
 * wait in one queue; each takes a fixed amount of work, a part of it under a lock that all threads
 * need.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/lib/guestanswer.h"
#include "bench/lib/hist.h"
#include "bench/lib/histrecord.h"
#include "bench/lib/spin.h"
#include "bench/lib/work.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

#define S_NS 1000000000ll
#define THREADS_MAX 64
/* Not measured: until all threads have run once. */
#define WARM_NS (3 * S_NS / 10)
/* Requests in flight in a closed loop, per thread: nobody has to wait for one. */
#define CLOSED_DEPTH 2
/* The same times in every run. */
#define SEED 1

struct options {
	int threads, work_us, interval_us, seconds, loops_per_us;
};

struct request {
	long long due_ns, done_ns;
};

/* Requests are taken in the order in which they came. */
struct server {
	const struct options *o;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct request *request;
	long size, came, taken;
	long long end_ns; /* of a closed loop; 0: an open one */
	bool ended; /* no more will come */
	long long ns, useful_ns; /* until the last was done, and CPU time of the work */
};

static const char usage[] =
	"usage: coop-guest-server [OPTION...]\n"
	"  --threads N         that serve (2)\n"
	"  --work US           of CPU time per request (5000)\n"
	"  --interval US       between two requests, on average; 0: a closed loop (0)\n"
	"  --seconds S         of requests (5)\n"
	"  --loops-per-us N    speed of this machine (is measured)\n";

static const struct option long_options[] = {
	{ "threads", required_argument, NULL, 't' },
	{ "work", required_argument, NULL, 'u' },
	{ "interval", required_argument, NULL, 'i' },
	{ "seconds", required_argument, NULL, 's' },
	{ "loops-per-us", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct options *o = arg;

	switch (opt) {
	case 't':
		return proc_option_number("threads", optarg, 1, THREADS_MAX, &o->threads);
	case 'u':
		return proc_option_number("work", optarg, 1, 1000000, &o->work_us);
	case 'i':
		return proc_option_number("interval", optarg, 0, 10000000, &o->interval_us);
	case 's':
		return proc_option_number("seconds", optarg, 1, 3600, &o->seconds);
	case 'l':
		return proc_option_number("loops-per-us", optarg, 1, 100000, &o->loops_per_us);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

/* With the lock held. */
static void come(struct server *s, long long due_ns)
{
	s->request[s->came++].due_ns = due_ns;
	pthread_cond_signal(&s->more);
}

/* The next request, or NULL after the last one. */
static struct request *take(struct server *s)
{
	struct request *r = NULL;

	pthread_mutex_lock(&s->lock);
	while (s->taken == s->came && !s->ended)
		pthread_cond_wait(&s->more, &s->lock);
	if (s->taken < s->came)
		r = &s->request[s->taken++];
	pthread_mutex_unlock(&s->lock);
	return r;
}

static void done(struct server *s, struct request *r)
{
	r->done_ns = proc_now_ns();
	if (!s->end_ns)
		return;
	pthread_mutex_lock(&s->lock);
	if (r->done_ns < s->end_ns && s->came < s->size) {
		come(s, r->done_ns);
	} else {
		s->ended = true;
		pthread_cond_broadcast(&s->more);
	}
	pthread_mutex_unlock(&s->lock);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	unsigned long loops = (unsigned long)s->o->work_us * s->o->loops_per_us;
	struct request *r;

	while ((r = take(s))) {
		work_do_locked(loops);
		done(s, r);
	}
	return NULL;
}

/* Independent of each other, as those of many clients; never in step with a tick. */
static long long gap_ns(const struct options *o, unsigned short seed[3])
{
	return -log(1 - erand48(seed)) * o->interval_us * 1000;
}

/* Whoever comes late sends all that is due: what is late is the request, not its time. */
static void send_open(struct server *s)
{
	unsigned short seed[3] = { SEED };
	long long due = proc_now_ns();

	while (s->came < s->size) {
		struct timespec ts;

		due += gap_ns(s->o, seed);
		ts = (struct timespec){ due / S_NS, due % S_NS };
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
			;
		pthread_mutex_lock(&s->lock);
		come(s, due);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	pthread_cond_broadcast(&s->more);
	pthread_mutex_unlock(&s->lock);
}

static void send_closed(struct server *s, long long ns)
{
	long long now = proc_now_ns();

	pthread_mutex_lock(&s->lock);
	s->end_ns = now + ns;
	for (int i = 0; i < s->o->threads * CLOSED_DEPTH && s->came < s->size; i++)
		come(s, now);
	pthread_mutex_unlock(&s->lock);
}

/* As many as should come within NS; of a closed loop, as twice the speed could serve. */
static long requests_within(const struct options *o, long long ns)
{
	long us = ns / 1000;

	return 1 + (o->interval_us ? us / o->interval_us : us * 2 * o->threads / o->work_us);
}

/* All requests that come within NS, until the last is done. */
static int run(struct server *s, const struct options *o, long long ns)
{
	pthread_t threads[THREADS_MAX];

	*s = (struct server){ .o = o,
			      .lock = PTHREAD_MUTEX_INITIALIZER,
			      .more = PTHREAD_COND_INITIALIZER,
			      .size = requests_within(o, ns),
			      .ns = -proc_now_ns(),
			      .useful_ns = -work_useful_ns() };
	s->request = calloc(s->size, sizeof(*s->request));
	if (!s->request)
		return -1;
	for (int i = 0; i < o->threads; i++)
		if (pthread_create(&threads[i], NULL, serve, s))
			return -1;
	if (o->interval_us)
		send_open(s);
	else
		send_closed(s, ns);
	for (int i = 0; i < o->threads; i++)
		pthread_join(threads[i], NULL);
	s->ns += proc_now_ns();
	s->useful_ns += work_useful_ns();
	return 0;
}

static int send_latency(const struct server *s, int fd)
{
	struct hist h;
	int ret = 0;

	hist_init(&h);
	for (long i = 0; i < s->taken && !ret; i++)
		ret = hist_add(&h, (s->request[i].done_ns - s->request[i].due_ns) / 1000);
	if (!ret)
		ret = hist_send(fd, "guest.hist", &h);
	hist_free(&h);
	return ret;
}

static int send_answer(const struct server *s, int fd)
{
	if (s->o->interval_us && send_latency(s, fd))
		return -1;
	return guest_answer_send(fd, "requests %ld\nns %lld\nuseful_ns %lld\n", s->taken, s->ns,
				 s->useful_ns);
}

int main(int argc, char **argv)
{
	struct options o = { .threads = 2, .work_us = 5000, .seconds = 5 };
	int fd = record_fd(), ret = proc_options(argc, argv, long_options, set_option, &o);
	struct server s;

	if (ret)
		return ret < 0 ? 2 : 0;
	if (!o.loops_per_us)
		o.loops_per_us = spin_calibrate();
	ret = run(&s, &o, WARM_NS);
	free(s.request);
	if (!ret) {
		record_progress(fd, 0, 1, "measuring");
		ret = run(&s, &o, o.seconds * S_NS);
		record_progress(fd, 1, 1, "measured");
	}
	if (!ret)
		ret = send_answer(&s, fd);
	if (ret)
		fprintf(stderr, "coop: the server did not run, or its answer was not sent\n");
	return ret ? 1 : 0;
}
