// SPDX-License-Identifier: GPL-2.0
/*
 * Something to run through a migration, a snapshot or a change of CPUs: cyclictest, whose timers
 * must all come, and per CPU a loop that fills memory and checks what is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/lib/hist.h"
#include "lab/init/init.h"
#include "lab/lib/proc.h"

#define CYCLICTEST_OUT "/run/coop/soak.out"
#define CYCLICTEST_ERR "/run/coop/soak.err"
#define LOOPS_MAX 64
#define PROGRESS_MS 200

/* 256 KiB each: a migration has to send it again and again. */
#define WORDS (32 * 1024)

struct soak {
	_Atomic unsigned long checked, wrong;
};

static uint64_t next_random(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static void check_loop(struct soak *soak, uint64_t seed)
{
	static uint64_t words[WORDS];

	for (;; seed = next_random(seed)) {
		uint64_t x = seed, wrong = 0;

		for (int i = 0; i < WORDS; i++)
			words[i] = x = next_random(x);
		__asm__ volatile("" ::: "memory");
		x = seed;
		for (int i = 0; i < WORDS; i++) {
			x = next_random(x);
			wrong += words[i] != x;
		}
		if (wrong)
			atomic_fetch_add(&soak->wrong, 1);
		atomic_fetch_add(&soak->checked, 1);
	}
}

static pid_t start_loop(struct soak *soak, int n)
{
	pid_t pid = fork();

	if (!pid) {
		proc_child_setup(1, -1);
		check_loop(soak, n + 1);
	}
	return pid;
}

/* Until cyclictest ends. The progress says that the guest lives. */
static int follow(int port, const struct soak *soak, pid_t cyclictest)
{
	int status;

	do {
		record_progress(port, atomic_load(&soak->checked), 0, "%lu wrong",
				atomic_load(&soak->wrong));
		status = proc_wait(cyclictest, PROGRESS_MS);
	} while (status == -1);
	return status;
}

static void judge(struct job *job, int port, const struct soak *soak, int status)
{
	struct hist_error err = { 0 };
	FILE *out = fopen(CYCLICTEST_OUT, "re");
	unsigned long checked = atomic_load(&soak->checked), wrong = atomic_load(&soak->wrong);
	struct hist sum;

	hist_init(&sum);
	if (status || !out || cyclictest_collect(out, &sum, &err))
		snprintf(job->verdict, sizeof(job->verdict), "cyclictest: status %d, %s", status,
			 err.text);
	else
		job->pass = sum.samples && checked && !wrong && !cyclictest_send(port, &sum);
	if (!*job->verdict)
		snprintf(job->verdict, sizeof(job->verdict), "samples %lu checksums %lu wrong %lu",
			 (unsigned long)sum.samples, checked, wrong);
	if (out)
		fclose(out);
	hist_free(&sum);
}

void job_soak(struct job *job, int port, char *const argv[])
{
	int out = open(CYCLICTEST_OUT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int err = open(CYCLICTEST_ERR, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int loops = sysconf(_SC_NPROCESSORS_ONLN);
	pid_t loop[LOOPS_MAX], cyclictest;
	struct soak *soak = mmap(NULL, sizeof(*soak), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (out < 0 || err < 0 || soak == MAP_FAILED) {
		snprintf(job->verdict, sizeof(job->verdict), "@soak: %s", strerror(errno));
		return;
	}
	loops = loops > LOOPS_MAX ? LOOPS_MAX : loops;
	for (int i = 0; i < loops; i++)
		loop[i] = start_loop(soak, i);
	cyclictest = cyclictest_start(argv + 1, out, err);
	close(out);
	close(err);
	judge(job, port, soak, follow(port, soak, cyclictest));
	for (int i = 0; i < loops; i++)
		proc_kill_group(loop[i]);
	munmap(soak, sizeof(*soak));
}
