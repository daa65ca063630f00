// SPDX-License-Identifier: GPL-2.0
/*
 * par2 of Debian's package, which computes Reed-Solomon blocks: for each block of its input all
 * threads of OpenMP do their part of the recovery blocks, and wait for each other.
 */
#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/barrier/guest/work.h"
#include "bench/lib/work.h"

#define INPUT "par2-input"
#define OUTPUT "par2-output"
/* Enough that hashing the input and writing the output are little beside them. */
#define RECOVERY_BLOCKS 256
/* What par2 needs per byte of a recovery block, in loops of spin(): only an order of magnitude. */
#define LOOPS_PER_BYTE 3

static long block_bytes(const struct options *o)
{
	double loops = (double)o->work_us * o->loops_per_us * o->threads;
	long bytes = loops / LOOPS_PER_BYTE / RECOVERY_BLOCKS;

	/* a multiple of what par2 computes with */
	return bytes < 4 ? 4 : bytes / 4 * 4;
}

/* Of an earlier run: par2 does not overwrite any. */
static void remove_files(void)
{
	glob_t found;

	if (glob(OUTPUT "*", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		unlink(found.gl_pathv[i]);
	globfree(&found);
}

int prepare_openmp(const struct options *o)
{
	long words = block_bytes(o) / sizeof(uint32_t) * o->rounds;
	FILE *f = fopen(INPUT, "w");
	uint32_t x = 1;

	remove_files();
	/* they wait asleep, so that the program's CPU time is that of its work */
	setenv("OMP_WAIT_POLICY", "passive", 1);
	for (long i = 0; f && i < words; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		fwrite(&x, sizeof(x), 1, f);
	}
	return f && !ferror(f) && !fclose(f) ? 0 : -1;
}

static void exec_par2(const struct options *o)
{
	char threads[16], blocks[16], bytes[24];
	char *argv[] = { "par2", "create", "-q",   "-q",  threads, blocks,
			 bytes,	 "-n1",	   OUTPUT, INPUT, NULL };

	snprintf(threads, sizeof(threads), "-t%d", o->threads);
	snprintf(blocks, sizeof(blocks), "-c%d", RECOVERY_BLOCKS);
	snprintf(bytes, sizeof(bytes), "-s%ld", block_bytes(o));
	execvp(argv[0], argv);
	perror("coop: cannot start par2");
	_exit(127);
}

static long long cpu_ns(const struct rusage *ru)
{
	return (ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * 1000000000ll +
	       (ru->ru_utime.tv_usec + ru->ru_stime.tv_usec) * 1000ll;
}

/* Its threads are its own. */
void run_openmp(const struct options *o, int thread)
{
	struct rusage ru;
	int status = -1;
	pid_t pid;

	if (thread)
		return;
	pid = fork();
	if (!pid)
		exec_par2(o);
	if (pid < 0 || wait4(pid, &status, 0, &ru) != pid || status) {
		fprintf(stderr, "coop: par2 failed (wait status %d)\n", status);
		exit(1);
	}
	work_add_ns(cpu_ns(&ru));
}
