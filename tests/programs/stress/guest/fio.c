// SPDX-License-Identifier: GPL-2.0
/* fio does the work and the checking; its answer is its exit status and its JSON. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "tests/programs/stress/guest/stress.h"

#define FIO "/usr/bin/fio"
/* Of each half. The kept one begins the disk. */
#define HALF "2m"
#define WAIT_MS 30000
/* From the first error of a disk that goes to its end, which waits for what is in flight. */
#define GONE_MS 20000

static void fio_args(struct proc_args *args, const struct pass *p, const char *device,
		     const char *json)
{
	static const char *const kinds[][6] = {
		[PASS_FILL] = { "--rw=write", "--do_verify=0", "--offset=0", NULL },
		[PASS_KEPT] = { "--rw=read", "--offset=0", NULL },
		/* Not by time: only so does fio know which write a block must be of. */
		[PASS_MIXED] = { "--rw=randrw", "--verify_backlog=64", "--offset=" HALF, NULL },
	};
	static char text[3][100];

	snprintf(text[0], sizeof(text[0]), "--filename=%s", device);
	snprintf(text[1], sizeof(text[1]), "--randseed=%d", p->seed);
	snprintf(text[2], sizeof(text[2]), "--output=%s", json);
	args->n = 0;
	proc_args_add(args, FIO, "--name=pass", text[0], text[1], text[2], "--output-format=json");
	/* Of a disk that is gone fio would make a file. */
	proc_args_add(args, "--ioengine=libaio", "--direct=1", "--bs=4k", "--iodepth=16",
		      "--size=" HALF, "--allow_file_create=0");
	proc_args_add(args, "--verify=crc32c", "--verify_fatal=1", "--verify_state_save=0",
		      "--serialize_overlap=1");
	proc_args_list(args, kinds[p->kind]);
}

static pid_t start(char *const argv[], const char *messages)
{
	pid_t parent = getpid(), pid = fork();
	int fd;

	if (pid)
		return pid;
	proc_child_setup(parent, -1);
	fd = open(messages, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	execv(argv[0], argv);
	fprintf(stderr, "cannot start %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* The number after each "NAME" : of fio's JSON goes to ADD. */
static int each_number(const char *json, const char *name, void (*add)(double *sum, double n),
		       double *sum)
{
	char word[40];
	int found = 0;

	snprintf(word, sizeof(word), "\"%s\" : ", name);
	for (const char *p = json; (p = strstr(p, word)); found++) {
		p += strlen(word);
		add(sum, atof(p));
	}
	return found;
}

static void add_number(double *sum, double n)
{
	*sum += n;
}

static void add_larger(double *sum, double n)
{
	*sum = n > *sum ? n : *sum;
}

static void keep_first_line(struct pass *p, const char *messages)
{
	char *text = proc_read_file(messages, NULL);

	snprintf(p->why, sizeof(p->why), "fio on %s: error %d: %.*s", p->serial, p->error,
		 text ? (int)strcspn(text, "\n") : 0, text ? text : "");
	free(text);
}

static int read_answer(struct pass *p, const char *json)
{
	char *text = proc_read_file(json, NULL);
	double error = 0, requests = 0, longest = 0;
	int found = text ? each_number(text, "error", add_larger, &error) : 0;

	if (text) {
		each_number(text, "total_ios", add_number, &requests);
		/* of everything that has one, the latencies of whole requests are the longest */
		each_number(text, "max", add_larger, &longest);
	}
	free(text);
	p->error = error;
	p->requests = requests;
	p->longest_ms = longest / 1e6;
	return found ? 0 : -1;
}

int pass_run(struct pass *p, const struct disk *d)
{
	char device[40], json[80], messages[80];
	struct proc_args args;
	int status = 0;
	pid_t pid;

	snprintf(device, sizeof(device), "/dev/%s", d->name);
	snprintf(json, sizeof(json), "/run/fio-%s.json", p->serial);
	snprintf(messages, sizeof(messages), "/run/fio-%s.txt", p->serial);
	unlink(json);
	fio_args(&args, p, device, json);
	pid = start(args.argv, messages);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	if (!read_answer(p, json) && !p->error && !status)
		return 0;
	keep_first_line(p, messages);
	return -1;
}

/* What a request gets whose disk is going. */
static bool is_loss(int error)
{
	return error == EIO || error == ENODEV || error == ENXIO || error == ENOENT ||
	       error == ENOSPC || !error;
}

int pass_try(struct pass *p)
{
	struct disk d;

	if (!disk_wait(p->serial, &d, WAIT_MS)) {
		snprintf(p->why, sizeof(p->why), "%s has not come back within %d s", p->serial,
			 WAIT_MS / 1000);
		return -1;
	}
	if (!pass_run(p, &d))
		return 0;
	/* A read at the end of a disk without size is short, and fio compares what it has not got. */
	if (p->error == EILSEQ)
		return disk_same(p->serial, &d) ? -1 : 1;
	for (int ms = 0; is_loss(p->error) && ms < GONE_MS; ms += 100) {
		if (!disk_same(p->serial, &d))
			return 1;
		usleep(100000);
	}
	return -1;
}
