// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's side of the overhead benchmark: two tasks on one CPU take turns through pipes. The
 * answer is switch.txt, one "NAME ns-per-switch" per line and batch.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/init/init.h"
#include "lab/lib/proc.h"

struct pair {
	int to[2], from[2];
	pid_t partner;
};

static void answer(const struct pair *p)
{
	char c;

	while (read(p->to[0], &c, 1) == 1 && write(p->from[1], &c, 1) == 1)
		;
	_exit(0);
}

static int pair_start(struct pair *p, int priority)
{
	const struct sched_param param = { .sched_priority = priority };

	if (pipe2(p->to, O_CLOEXEC) || pipe2(p->from, O_CLOEXEC))
		return -1;
	p->partner = fork();
	if (!p->partner) {
		proc_child_setup(1, 0);
		answer(p);
	}
	if (p->partner < 0)
		return -1;
	return sched_setscheduler(p->partner, priority ? SCHED_FIFO : SCHED_OTHER, &param);
}

static void pair_end(struct pair *p)
{
	proc_kill_group(p->partner);
	close(p->to[0]);
	close(p->to[1]);
	close(p->from[0]);
	close(p->from[1]);
}

/* ns per switch; two of them are a round trip. Negative: the partner is gone. */
static double time_batch(const struct pair *p, int switches)
{
	long long begin = proc_now_ns();
	char c = 0;

	for (int i = 0; i < switches; i += 2)
		if (write(p->to[1], &c, 1) != 1 || read(p->from[0], &c, 1) != 1)
			return -1;
	return (double)(proc_now_ns() - begin) / switches;
}

static int time_pair(FILE *out, const char *name, int priority, int switches, int batches)
{
	struct pair p = { { -1, -1 }, { -1, -1 }, -1 };
	int ret = pair_start(&p, priority);

	for (int i = -1; i < batches && !ret; i++) {
		double ns = time_batch(&p, switches);

		/* the first is to warm up */
		if (ns < 0)
			ret = -1;
		else if (i >= 0)
			fprintf(out, "%s %.1f\n", name, ns);
	}
	pair_end(&p);
	return ret;
}

void job_switch(struct job *job, int port, char *const argv[])
{
	int switches = argv[1] ? atoi(argv[1]) : 0;
	int batches = switches && argv[2] ? atoi(argv[2]) : 0;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out || switches < 2 || batches < 1 || proc_pin(0, 0) ||
	    time_pair(out, "switch", 0, switches, batches) ||
	    time_pair(out, "switch_rt", 1, switches, batches))
		snprintf(job->verdict, sizeof(job->verdict), "@switch SWITCHES BATCHES: %s",
			 strerror(errno));
	else
		job->pass = true;
	if (out)
		fclose(out);
	if (job->pass) {
		record_data(port, "switch.txt", text, size);
		record_file(port, "modules.txt", MODULE_RESULTS);
		snprintf(job->verdict, sizeof(job->verdict), "measured");
	}
	free(text);
}
