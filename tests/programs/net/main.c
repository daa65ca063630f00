// SPDX-License-Identifier: GPL-2.0
/*
 * coop-test-net: no packet waits for ever when completions of a network device are held. Runs in
 * L1. A guest pings it: alone, under a stream of small packets, and after the VM has been stopped
 * and continued, and the queues have been disabled and resized, under that.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "bench/lib/iovm.h"
#include "bench/lib/tap.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

#define DISCARD_PORT 9
#define HOLD_US 20000
#define RESULT_LIMIT_MS 60000
/* More often than the holds last, and a fraction of what an emulated guest can take. */
#define PACKETS 600
#define PACKET_US 2000
#define STOP_PACKETS 97
/* Streams end now and then, so that the last packets wait for nobody: the cap delivers them. */
#define PAUSE_PACKETS 60

#define FAIL(t, ...) (snprintf((t)->error, sizeof((t)->error), __VA_ARGS__), -1)

struct test {
	struct iovm vm;
	char error[700];
};

static int start(struct test *t, char *script)
{
	char *argv[] = { "sh", "-c", script, NULL };

	return vm_job(&t->vm.vm, argv) ? FAIL(t, "%s", t->vm.vm.error) : 0;
}

static int finish(struct test *t, const char *what)
{
	int ret = iovm_follow(&t->vm, RESULT_LIMIT_MS, false);

	if (ret > 0)
		return 0;
	return ret ? FAIL(t, "%s: %s", what, t->vm.error) : FAIL(t, "%s: L2 hung", what);
}

/* Small packets at a steady rate, for a socket that nobody reads; with STOPS, the VM stands still. */
static int send_stream(struct test *t, bool stops)
{
	const struct sockaddr_in to = tap_address(0, TAP_GUEST, DISCARD_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;
	char data[64] = { 0 };

	for (int i = 0; i < PACKETS && !ret; i++) {
		sendto(fd, data, sizeof(data), 0, (const struct sockaddr *)&to, sizeof(to));
		usleep(i % PAUSE_PACKETS ? PACKET_US : 3 * HOLD_US);
		if (stops && !(i % STOP_PACKETS))
			ret = iovm_pause(&t->vm, 3 * HOLD_US) ? FAIL(t, "%s", t->vm.error) : 0;
	}
	close(fd);
	return ret;
}

/* What cannot be right by accident: packets were held, for others that came and in vain. */
static int check_counts(struct test *t)
{
	long long held = iovm_stat(&t->vm, "held"), ratio = iovm_stat(&t->vm, "ratio");
	long long pause = iovm_stat(&t->vm, "pause"), flushed = iovm_stat(&t->vm, "flush");

	printf("%lld held, delivered by ratio %lld, pause %lld, flush %lld\n", held, ratio, pause,
	       flushed);
	if (held > 0 && ratio > 0 && pause > 0)
		return 0;
	return FAIL(t, "not held for company, or none had to go alone: this shows nothing");
}

static int run(struct test *t)
{
	static char up[] = "busybox ifconfig eth0 10.77.0.2 netmask 255.255.255.0 up";
	static char ping[] = "out=$(busybox ping -c 30 -i 0.05 -W 5 10.77.0.1 | grep loss);"
			     "echo $out; case $out in *' 0% packet loss'*) exit 0; esac; exit 1";
	static char resize[] = "for i in $(busybox seq 10); do coop-guest-net --rings 64 && "
			       "coop-guest-net --rings 256 || exit 1; done";
	const struct iovm_config config = {
		.name = "net", .policy = "vic", .net = true, .vcpus = 1, .max_us = HOLD_US
	};

	if (iovm_boot(&t->vm, &config))
		return FAIL(t, "%s", t->vm.error);
	if (start(t, up) || finish(t, "its address"))
		return -1;
	if (start(t, ping) || finish(t, "pings alone"))
		return -1;
	if (start(t, ping) || send_stream(t, false) || finish(t, "pings in a stream"))
		return -1;
	/* QEMU drops packets of a VM that stops: only what comes afterwards has to arrive. */
	if (send_stream(t, true) || check_counts(t))
		return -1;
	if (start(t, ping) || finish(t, "pings after the VM stood still"))
		return -1;
	if (start(t, resize) || send_stream(t, false) || finish(t, "twenty sizes of the rings"))
		return -1;
	if (start(t, ping) || finish(t, "pings after the queues were disabled"))
		return -1;
	return iovm_quit(&t->vm) ? FAIL(t, "%s", t->vm.error) : 0;
}

int main(int argc, char **argv)
{
	struct test t = { 0 };
	int fd, ret;

	if (argc > 1) {
		fprintf(stderr, "usage: coop-test-net   runs in L1, as a job of coop-lab\n");
		return strcmp(argv[1], "--help") ? 2 : 0;
	}
	if (driver_check_machine())
		return 2;
	signal(SIGPIPE, SIG_IGN);
	fd = record_fd();
	record_expect(fd, 30);
	ret = run(&t);
	iovm_kill(&t.vm);
	record_verdict(fd, !ret, "%s", ret ? t.error : "nothing is lost");
	return !!ret;
}
