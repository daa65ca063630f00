// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-barrier: how long a parallel program takes whose vCPUs do not all get a pCPU of their
 * own. Each vCPU is alone on its pCPU, but for those that a co-tenant interferes with.
 */
#include <stdio.h>

#include "bench/lib/interference.h"

static const char *const workloads[] = { "blocking", "spinning", "pipeline",
					 "mutex",    "stealing", "openmp" };

static const char usage[] =
	"  --cases A,B         WORKLOAD-<n>of<N>: blocking, spinning, pipeline, mutex, stealing, openmp, with co-tenants\n"
	"                      beside n of the N vCPUs (all)\n"
	"  --seconds S         of CPU time that the work takes per thread (2)\n"
	"  --work US           of CPU time between two meetings of the threads (10000)\n";

static int send(struct guest_measurement *m, const struct interference_answer *a)
{
	json_t *metrics = json_object();
	double runtime_ns, useful_ns;

	if (sscanf(a->text, "runtime_ns %lf\nuseful_ns %lf", &runtime_ns, &useful_ns) != 2) {
		json_decref(metrics);
		return GUEST_FAIL(m->bench, "L2 sent no runtime");
	}
	driver_metric(metrics, "runtime_ms", runtime_ns / 1e6);
	/* the work at the speed that it was done at, if no pCPU's time were lost */
	driver_metric(metrics, "ideal_ms", useful_ns / interference_cpus(m) / 1e6);
	driver_metric(metrics, "ideal_ratio", runtime_ns * interference_cpus(m) / useful_ns);
	return interference_send(m, metrics, a);
}

static int measure(struct guest_measurement *m)
{
	const struct interference *s = interference_of(m);
	char rounds[16];
	char *own[] = { "--workload", (char *)interference_load_name(m), "--rounds", rounds, NULL };
	struct interference_answer a;
	int ret;

	snprintf(rounds, sizeof(rounds), "%d", m->bench->seconds * 1000000 / s->work_us);
	ret = interference_run(m, own, m->bench->seconds * s->vcpus * 2, &a);
	if (!ret)
		ret = send(m, &a);
	interference_free(&a);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct interference_kind kind = {
		.name = "barrier",
		.loads = workloads,
		.nloads = sizeof(workloads) / sizeof(workloads[0]),
		.usage = usage,
		.work_us = 10000,
		.seconds = 2,
		.measure = measure,
	};

	return interference_main(argc, argv, &kind);
}
