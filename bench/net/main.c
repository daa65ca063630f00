// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-net: what holding back interrupts does to small packets between a guest and its host,
 * over a tap device and virtio-net's userspace datapath.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "bench/lib/iobench.h"
#include "bench/net/peer.h"
#include "bench/net/wire.h"
#include "lab/lib/proc.h"

static const char usage[] =
	"usage: coop-bench-net [OPTION...]   runs in L1, as a job of coop-lab\n" IOBENCH_USAGE_MODES
	"  --cases A,B         OP-SIZE-qdDEPTH-SCENARIO: rr (request and response), rx or tx (bursts to or\n"
	"                      from the guest); 64 to 1024 bytes; 1 to 64 requests in flight, or packets\n"
	"                      in a burst; alone, hogs (co-tenants on the vCPU's pCPU), hogswork (the same,\n"
	"                      and the guest computes beside) or allio (a second guest on it with the\n"
	"                      same load)\n"
	"                      (rr-64-qd1-alone,rr-64-qd16-alone,rx-64-qd16-alone,rr-64-qd16-hogs,\n"
	"                      rr-64-qd16-allio)\n"
	"  --gap US            between the packets of a burst to the guest, which asks for two bursts at a\n"
	"                      time (4000)\n" IOBENCH_USAGE_COMMON;

static const struct option long_options[] = {
	IOBENCH_OPTIONS,
	{ "gap", required_argument, NULL, 'G' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct options {
	struct iobench *bench;
	int gap_us;
};

static bool known(const struct iobench_case *c)
{
	if (strcmp(c->op, "rr") && strcmp(c->op, "rx") && strcmp(c->op, "tx"))
		return false;
	return c->size >= WIRE_SIZE_MIN && c->size <= 1024;
}

/* Each guest has a network of its own. */
static void configure(const void *arg, struct iovm_config *config, bool other)
{
	(void)arg;
	config->net = true;
	config->network = other;
}

static char **job(const void *arg, const struct iobench_case *c, int seconds, bool other)
{
	static char size[16], depth[16], gap[16], duration[16];
	static char *argv[] = {
		"coop-guest-net", "--op", NULL,	   "--network", NULL,	     "--size", size,
		"--depth",	  depth,  "--gap", gap,		"--seconds", duration, NULL,
		NULL
	};
	const struct options *o = arg;

	argv[2] = (char *)c->op;
	argv[4] = other ? "1" : "0";
	snprintf(size, sizeof(size), "%d", c->size);
	snprintf(depth, sizeof(depth), "%d", c->depth);
	snprintf(gap, sizeof(gap), "%d", o->gap_us);
	snprintf(duration, sizeof(duration), "%d", seconds);
	argv[13] = c->scenario == SCENARIO_HOGSWORK ? "--hog" : NULL;
	return argv;
}

static const struct iobench_kind kind = {
	.name = "net",
	.default_cases = "rr-64-qd1-alone,rr-64-qd16-alone,rx-64-qd16-alone,rr-64-qd16-hogs,"
			 "rr-64-qd16-allio",
	.example = "rr-64-qd16-alone",
	.known = known,
	.configure = configure,
	.job = job,
};

static int set_option(void *arg, int opt)
{
	struct options *o = arg;

	if (opt == 'G')
		return proc_option_number("gap", optarg, 0, 100000, &o->gap_us);
	if (opt != 'h')
		return iobench_option(o->bench, opt);
	fputs(usage, stdout);
	return 1;
}

/* On the pCPU that has QEMU's other threads, too. The pid, or -1. */
static pid_t start_peer(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(WIRE_PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pid_t parent = getpid(), pid = -1;

	if (fd >= 0 && !bind(fd, (const struct sockaddr *)&any, sizeof(any)))
		pid = fork();
	if (!pid) {
		proc_child_setup(parent, CPU_REST);
		peer_serve(fd);
	}
	if (fd >= 0)
		close(fd);
	return pid;
}

int main(int argc, char **argv)
{
	struct iobench b;
	struct options o = { .bench = &b, .gap_us = 4000 };
	pid_t peer;
	int ret;

	iobench_init(&b, &kind, &o);
	ret = proc_options(argc, argv, long_options, set_option, &o);
	if (!ret)
		ret = iobench_options_done(&b);
	if (ret)
		return ret < 0 ? 2 : 0;
	peer = start_peer();
	if (peer < 0) {
		fprintf(stderr, "coop: cannot listen on UDP port %d: is one running already?\n",
			WIRE_PORT);
		return 2;
	}
	ret = iobench_run(&b, json_pack("{s:i}", "gap_us", o.gap_us));
	proc_kill_group(peer);
	return ret;
}
