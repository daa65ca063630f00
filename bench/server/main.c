// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-server: throughput and latency of a server with several threads whose vCPUs do not all
 * get a pCPU of their own. In a closed loop a request that ends begins another. In an open one they
 * come at times that do not depend on the server, and latency counts from these.
 */
#include <stdio.h>

#include "bench/lib/interference.h"
#include "bench/lib/latency.h"

#define CAPACITY_TRIES 3

static const char *const loads[] = { "closed", "open30", "open60" };
/* What the requests of an open loop take of the pCPUs that co-tenants leave, in percent. */
static const int percents[] = { 0, 30, 60 };

/*
 * Requests per second that a closed loop served at the beginning, without co-tenants: what the work
 * was calibrated to knows nothing of the lock, of wake-ups and of an emulator that is slower with
 * all pCPUs busy.
 */
static double capacity;

static const char usage[] =
	"  --cases A,B         LOAD-<n>of<N>: closed, open30, open60: a closed loop, and requests that come at random times\n"
	"                      and need 30 and 60 % of what n co-tenants leave of the N pCPUs (all)\n"
	"  --seconds S         of requests (5)\n"
	"  --work US           of CPU time per request (5000)\n";

struct served {
	double requests, ns, useful_ns;
};

/* INTERVAL_US is the mean time between two requests; 0: a closed loop. */
static int serve(struct guest_measurement *m, int seconds, int interval_us,
		 struct interference_answer *a, struct served *s)
{
	char text[2][16];
	char *own[] = { "--seconds", text[0], "--interval", text[1], NULL };

	snprintf(text[0], sizeof(text[0]), "%d", seconds);
	snprintf(text[1], sizeof(text[1]), "%d", interval_us);
	if (interference_run(m, own, seconds * interference_of(m)->vcpus * 2, a))
		return -1;
	if (sscanf(a->text, "requests %lf\nns %lf\nuseful_ns %lf", &s->requests, &s->ns,
		   &s->useful_ns) != 3 ||
	    a->has_hist != !!interval_us)
		return GUEST_FAIL(m->bench, "L2 sent no throughput or no latency");
	return 0;
}

/* Once, for the same rates in all modes: the fastest of several tries, as the work is calibrated. */
static int find_capacity(struct guest_measurement *m)
{
	struct interference_answer a;
	struct served s;
	int ret = 0;

	guest_bench_pause(m->bench);
	for (int i = 0; i < CAPACITY_TRIES && !ret; i++) {
		ret = serve(m, 1, 0, &a, &s);
		interference_free(&a);
		if (!ret && s.requests * 1e9 / s.ns > capacity)
			capacity = s.requests * 1e9 / s.ns;
	}
	guest_bench_resume(m);
	return ret;
}

/* Per second, of an open loop. */
static double rate(const struct guest_measurement *m)
{
	return capacity * percents[interference_load(m->guest_case)] / 100 * interference_cpus(m) /
	       interference_of(m)->vcpus;
}

static int send(struct guest_measurement *m, const struct interference_answer *a,
		const struct served *s)
{
	json_t *metrics = json_object();

	driver_metric(metrics, "requests_per_s", s->requests * 1e9 / s->ns);
	driver_metric(metrics, "load_share", s->useful_ns / (s->ns * interference_cpus(m)));
	if (a->has_hist) {
		driver_metric(metrics, "offered_per_s", rate(m));
		latency_request_metrics(metrics, &a->hist);
	}
	return interference_send(m, metrics, a);
}

static int measure(struct guest_measurement *m)
{
	bool open = percents[interference_load(m->guest_case)];
	struct interference_answer a = { 0 };
	struct served s;
	int ret = 0;

	if (open && !capacity)
		ret = find_capacity(m);
	if (!ret)
		ret = serve(m, m->bench->seconds, open ? 1e6 / rate(m) : 0, &a, &s);
	if (!ret)
		ret = send(m, &a, &s);
	interference_free(&a);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct interference_kind kind = {
		.name = "server",
		.loads = loads,
		.nloads = sizeof(loads) / sizeof(loads[0]),
		.usage = usage,
		.work_us = 5000,
		.seconds = 5,
		.measure = measure,
	};

	return interference_main(argc, argv, &kind);
}
