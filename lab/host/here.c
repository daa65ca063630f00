// SPDX-License-Identifier: GPL-2.0
/*
 * The job on this machine instead of in L1, for a host whose own kernel and hardware are to be
 * measured. It leaves the host as it was: the switch of kvm-coop, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/host/lab.h"
#include "lab/lib/proc.h"

#define SWITCH "/sys/module/kvm/parameters/coop"
#define JOB_FD 3

bool here_chosen(const struct lab_options *o)
{
	return !strcmp(o->accel, "here");
}

int here_begin(struct here *h)
{
	char *text = proc_read_file(SWITCH, NULL);

	h->was_on = text && *text == 'Y';
	h->has_switch = text;
	free(text);
	h->kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (h->kmsg < 0 || access("/sys/kernel/debug/kvm", R_OK | X_OK)) {
		fprintf(stderr,
			"coop: --accel here needs root, KVM, and debugfs on /sys/kernel/debug: it starts guests and reads KVM's counters\n");
		if (h->kmsg >= 0)
			close(h->kmsg);
		return -1;
	}
	lseek(h->kmsg, 0, SEEK_END);
	if (mkdir("/run/coop", 0755) && errno != EEXIST) {
		fprintf(stderr, "coop: cannot make /run/coop: %s\n", strerror(errno));
		return -1;
	}
	return 0;
}

static void exec_job(const struct lab_options *o, int port)
{
	char path[PATH_MAX + 32];
	int out;

	snprintf(path, sizeof(path), "%s/" HERE_OUTPUT, o->out);
	out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	/* Above JOB_FD, so that the dup2() below cannot close it. */
	port = fcntl(port, F_DUPFD_CLOEXEC, JOB_FD + 7);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	dup2(port, JOB_FD);
	setenv(RECORD_FD_ENV, "3", 1);
	setenv("COOP_QEMU", o->qemu, 1);
	setenv("COOP_KERNEL", o->kernel, 1);
	setenv("COOP_INITRD", o->initrd, 1);
	execvp(o->argv[0], o->argv);
	fprintf(stderr, "coop: cannot start %s: %s\n", o->argv[0], strerror(errno));
	_exit(127);
}

pid_t here_start(const struct lab_options *o, int port)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	proc_child_setup(parent, -1);
	exec_job(o, port);
	return -1;
}

/* "6,1234,567890,-;text", and lines that begin with a blank, which say no more of it. */
static void write_message(int fd, char *record, size_t size)
{
	char *text = memchr(record, ';', size);
	size_t len;

	if (!text)
		return;
	text++;
	len = strcspn(text, "\n");
	text[len] = '\n';
	proc_write_all(fd, text, len + 1);
}

void here_end(struct here *h, const char *log)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char record[9000];
	ssize_t n;

	/* EPIPE: messages were lost, others follow. */
	while ((n = read(h->kmsg, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n <= 0)
			continue;
		record[n] = 0;
		write_message(fd, record, n);
	}
	if (fd >= 0)
		close(fd);
	close(h->kmsg);
	if (h->has_switch)
		proc_write_file(SWITCH, h->was_on ? "1" : "0");
}

void here_last_line(const struct lab_options *o, char *line, size_t size)
{
	char path[PATH_MAX + 32], *text, *last;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/" HERE_OUTPUT, o->out);
	text = proc_read_file(path, &len);
	while (text && len && text[len - 1] == '\n')
		text[--len] = 0;
	last = text ? strrchr(text, '\n') : NULL;
	snprintf(line, size, "%s", last ? last + 1 : text && *text ? text : "it said nothing");
	free(text);
}
