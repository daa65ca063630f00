// SPDX-License-Identifier: GPL-2.0
/* How long a guest takes to answer that it is about to be preempted, and what that costs others. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench/overhead/bench.h"
#include "bench/overhead/machine.h"
#include "bench/overhead/setup.h"
#include "kernel/include/uapi/linux/kvm_coop.h"

#define RUN_MS 3000
#define LIMIT_MS 60000
/* Fewer notifications than that have no 99th percentile. */
#define NOTIFIED_MIN 20
/* of KVM's histograms: N counts what took less than 2^N ns and not less than half of that */
#define BUCKETS 32

static double cpu_ns(pthread_t thread)
{
	struct timespec t = { 0 };
	clockid_t clock;

	if (!pthread_getcpuclockid(thread, &clock))
		clock_gettime(clock, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* The part Q of all took no longer; between the bounds of a bucket as if spread evenly. */
static double quantile(const long long *bucket, double q)
{
	double all = 0, below = 0, low;
	int i;

	for (i = 0; i < BUCKETS; i++)
		all += bucket[i];
	for (i = 0; i < BUCKETS - 1 && below + bucket[i] < q * all; i++)
		below += bucket[i];
	low = i ? (double)(1ull << (i - 1)) : 0;
	return bucket[i] ? low + (q * all - below) / bucket[i] * ((double)(1ull << i) - low) : low;
}

static int add_handshake(struct bench *b, struct machine *m, json_t *metrics)
{
	long long bucket[BUCKETS], notified = machine_stat(m, "coop_notified");
	long long acked = machine_stat(m, "coop_notified_acked");

	if (machine_stats(m, "coop_notify_hist", bucket, BUCKETS))
		return FAIL(b, "KVM has no histogram of answers to notifications");
	if (notified < NOTIFIED_MIN)
		return FAIL(b, "%lld notifications in %d ms beside a competitor", notified, RUN_MS);
	json_object_set_new(metrics, "notified_count", json_integer(notified));
	json_object_set_new(metrics, "acked_share", json_real((double)acked / notified));
	json_object_set_new(metrics, "handshake_p50_ns", json_real(quantile(bucket, 0.5)));
	json_object_set_new(metrics, "handshake_p99_ns", json_real(quantile(bucket, 0.99)));
	return 0;
}

/* Both always want to run. */
static int run_beside(struct bench *b, struct machine *m, struct competitor *c, json_t *metrics)
{
	double other, own;

	machine_ctl(m)->nr = KVM_HC_COOP_YIELD;
	if (machine_start(m, guest_run))
		return FAIL(b, "%s", m->error);
	usleep(200000);
	other = cpu_ns(c->thread);
	own = cpu_ns(m->thread);
	usleep(RUN_MS * 1000);
	other = cpu_ns(c->thread) - other;
	own = cpu_ns(m->thread) - own;
	machine_ctl(m)->stop = 1;
	if (machine_join(m, LIMIT_MS))
		return FAIL(b, "%s", m->error);
	json_object_set_new(metrics, "cotenant_share", json_real(other / (other + own)));
	return 0;
}

static int sleep_sibling(struct bench *b, struct machine *sibling)
{
	if (machine_start(sibling, guest_sleep))
		return FAIL(b, "%s", sibling->error);
	return wait_ready(b, sibling, guest_sleep, 0);
}

static int wake_sibling(struct bench *b, struct machine *sibling)
{
	machine_ctl(sibling)->stop = 1;
	return machine_signal(sibling) || machine_join(sibling, LIMIT_MS) ?
		       FAIL(b, "%s", sibling->error) :
		       0;
}

/* Only a VM with a halted vCPU is told. */
static int measure_beside(struct bench *b, struct setup *s, const struct mode *mode,
			  json_t *metrics)
{
	struct machine sibling;
	struct competitor c;
	int ret;

	if (machine_boot_sibling(&sibling, &s->m) || machine_want_notify(&s->m))
		ret = FAIL(b, "%s%s", sibling.error, s->m.error);
	else
		ret = sleep_sibling(b, &sibling);
	if (!ret) {
		ret = competitor_begin(b, &c, SCHED_OTHER);
		if (!ret) {
			ret = run_beside(b, &s->m, &c, metrics);
			ret = competitor_end(b, &c) ? -1 : ret;
		}
		ret = wake_sibling(b, &sibling) ? -1 : ret;
	}
	machine_destroy(&sibling);
	return ret || !mode->coop ? ret : add_handshake(b, &s->m, metrics);
}

int measure_notify(struct bench *b, const struct mode *mode, json_t *metrics)
{
	struct setup s;
	int ret = setup_begin(b, &s, mode);

	if (!ret)
		ret = measure_beside(b, &s, mode, metrics);
	setup_end(&s);
	return ret;
}
