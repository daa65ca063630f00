// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of both levels of the lab: coop_role=l1 (the host under test), l2 (a guest under its KVM),
 * shell (a person). Takes jobs from the virtio-serial port, answers with records, powers off.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/init/init.h"
#include "lab/lib/proc.h"

#define PORT_CLASS "/sys/class/virtio-ports"
#define PORT_WAIT_MS 10000
#define KLOG_READ_ALL 3
#define KLOG_SIZE 10

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("coop: ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	va_end(ap);
}

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* Without ACPI the call returns; a reboot ends QEMU too, as it runs with -no-reboot. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static bool port_has_name(const char *port, const char *name)
{
	char path[600];
	bool ret;
	char *text;

	snprintf(path, sizeof(path), PORT_CLASS "/%s/name", port);
	text = proc_read_file(path, NULL);
	ret = text && !strncmp(text, name, strlen(name));
	free(text);
	return ret;
}

/* There is no udev here that would make links by name. */
static int find_port(const char *name, char *path, size_t size)
{
	DIR *dir = opendir(PORT_CLASS);
	int found = -1;
	struct dirent *e;

	while (dir && found && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || !port_has_name(e->d_name, name))
			continue;
		snprintf(path, size, "/dev/%s", e->d_name);
		found = 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The port is announced by a control message after the device was probed, so it may come late. */
static int open_port(void)
{
	char path[300];

	for (int ms = 0; ms < PORT_WAIT_MS; ms += 20) {
		if (!find_port(RECORD_PORT, path, sizeof(path))) {
			int fd = open(path, O_RDWR | O_CLOEXEC);

			if (fd >= 0)
				return fd;
		}
		usleep(20000);
	}
	return -1;
}

static void send_dmesg(int port, const char *role)
{
	int size = klogctl(KLOG_SIZE, NULL, 0);
	char *buf = size > 0 ? malloc(size) : NULL;
	char name[64];

	if (!buf)
		return;
	size = klogctl(KLOG_READ_ALL, buf, size);
	snprintf(name, sizeof(name), "%s-dmesg.log", role);
	if (size > 0)
		record_data(port, name, buf, size);
	free(buf);
}

static void do_job(int port, const char *role, char *const argv[])
{
	struct job job = { 0 };
	bool l1 = !strcmp(role, "l1");

	if (!strcmp(argv[0], "@cyclictest"))
		job_cyclictest(&job, port, argv);
	else if (!strcmp(argv[0], "@soak"))
		job_soak(&job, port, argv);
	else if (!strcmp(argv[0], "@switch"))
		job_switch(&job, port, argv);
	else if (!strcmp(argv[0], "@kexec"))
		job_kexec(&job, port, argv);
	else
		job_run(&job, port, argv);
	if (l1)
		send_dmesg(port, role);
	if (fault_at("no-verdict"))
		for (;;)
			pause();
	record_verdict(port, job.pass, "%s", job.verdict);
}

/* L1 lives for one job, L2 until it is told to quit. */
static void serve(int port, const char *role)
{
	bool l1 = !strcmp(role, "l1");
	struct record_stream in;
	struct utsname uts;
	struct record rec;

	uname(&uts);
	record_hello(port, uts.release);
	record_stream_init(&in, port);
	while (record_next(&in, -1, &rec) >= 0) {
		if (rec.type == RECORD_QUIT)
			break;
		if (rec.type != RECORD_JOB)
			continue;
		do_job(port, role, rec.argv);
		if (l1)
			break;
	}
	if (!l1)
		send_dmesg(port, role);
}

int main(void)
{
	char *role;
	int port;

	if (getpid() != 1) {
		fprintf(stderr,
			"coop-init: this is PID 1 of the lab's machines: start it with coop-lab\n");
		return 2;
	}
	mount_all();
	loopback_up();
	khugepaged_stop();
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/run", 1);
	cmdline_export("COOP_");
	role = cmdline_get("coop_role", 0);
	modules_load();
	if (fault_at("boot"))
		for (;;)
			pause();
	if (role && !strcmp(role, "shell")) {
		shell_run();
		power_off();
	}
	port = open_port();
	if (port < 0)
		say("no virtio-serial port named %s: was this started with coop-lab?", RECORD_PORT);
	else
		serve(port, role ? role : "l2");
	power_off();
}
