// SPDX-License-Identifier: GPL-2.0
/*
 * coop-guest-net: small packets between a guest and its host, as a job of the guest's PID 1; answers
 * as bench/lib/guestcount.h says. Everything is requests to a peer, each of a number of packets, to
 * which it sends a number of packets back; latency is from the request to each of those.
 */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/lib/guestcount.h"
#include "bench/lib/hist.h"
#include "bench/lib/tap.h"
#include "bench/net/wire.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

#define INTERFACE "eth0"
#define S_NS 1000000000ll
/* Until the rates that the host measures are those of the load. */
#define WARM_UP_NS (600 * S_NS / 1000)
/* Beyond what a burst takes to be sent. */
#define LOST_NS S_NS
#define POLL_US 100000

#define FAIL(l, ...) (snprintf((l)->error, sizeof((l)->error), __VA_ARGS__), -1)

/* Of a request: how many packets go, the last of which asks for COPIES; how many at a time. */
struct operation {
	const char *name;
	int packets, copies, requests; /* 0: the depth */
};

/* Streams ask for the next burst before the last one has come, so that they do not run dry. */
static const struct operation operations[] = {
	{ "rr", 1, 1, 0 },
	{ "rx", 1, 0, 2 },
	{ "tx", 0, 1, 2 },
};

struct options {
	const struct operation *operation;
	int network, size, depth, gap_us, seconds, stall_s, rings;
	bool hog;
};

struct request {
	long long begin_ns;
	uint32_t sequence; /* 0: none yet */
	int left; /* packets that have not come back */
};

struct load {
	const struct options *o;
	int fd, packets, copies, requests;
	struct request request[WIRE_COPIES_MAX];
	uint32_t sequence;
	unsigned long long completed, lost;
	long long last_ns; /* of anything received */
	bool recording;
	struct hist hist;
	char error[200];
};

static const char usage[] =
	"usage: coop-guest-net [OPTION...]   runs in a guest\n"
	"  --op OP         rr: requests with one packet as the answer, rx: with many, tx: of many (rr)\n"
	"  --network N     10.77.N.2 is this guest, 10.77.N.1 its peer (0)\n"
	"  --size BYTES    of a packet's payload, 64 to 1400 (64)\n"
	"  --depth N       rr: requests in flight; rx, tx: packets in a burst; 1 to 64 (1)\n"
	"  --gap US        between the packets that come back for a request (0)\n"
	"  --seconds S     (5)\n"
	"  --stall S       fail after that long without a packet (20)\n"
	"  --hog           compute beside, at normal priority\n"
	"  --rings N       only give both rings that size, which resets the queues\n";

static const struct option long_options[] = {
	{ "op", required_argument, NULL, 'o' },	   { "network", required_argument, NULL, 'n' },
	{ "size", required_argument, NULL, 's' },  { "depth", required_argument, NULL, 'q' },
	{ "gap", required_argument, NULL, 'p' },   { "seconds", required_argument, NULL, 't' },
	{ "stall", required_argument, NULL, 'w' }, { "rings", required_argument, NULL, 'g' },
	{ "hog", no_argument, NULL, 'b' },	   { "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_op(struct options *o, const char *op)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		o->operation = &operations[i];
		if (!strcmp(op, operations[i].name))
			return 0;
	}
	fprintf(stderr, "coop: --op takes rr, rx or tx\n");
	return -1;
}

static int set_option(void *arg, int opt)
{
	struct options *o = arg;

	switch (opt) {
	case 'o':
		return set_op(o, optarg);
	case 'n':
		return proc_option_number("network", optarg, 0, 255, &o->network);
	case 's':
		return proc_option_number("size", optarg, WIRE_SIZE_MIN, WIRE_SIZE_MAX, &o->size);
	case 'q':
		return proc_option_number("depth", optarg, 1, WIRE_COPIES_MAX, &o->depth);
	case 'p':
		return proc_option_number("gap", optarg, 0, 100000, &o->gap_us);
	case 't':
		return proc_option_number("seconds", optarg, 1, 86400, &o->seconds);
	case 'w':
		return proc_option_number("stall", optarg, 1, 86400, &o->stall_s);
	case 'g':
		return proc_option_number("rings", optarg, 16, 256, &o->rings);
	case 'b':
		o->hog = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

static int load_open(struct load *l, const struct options *o)
{
	const struct timeval poll = { .tv_usec = POLL_US };
	const struct sockaddr_in peer = tap_address(o->network, TAP_HOST, WIRE_PORT);

	*l = (struct load){ .o = o,
			    .packets = o->operation->packets ?: o->depth,
			    .copies = o->operation->copies ?: o->depth,
			    .requests = o->operation->requests ?: o->depth };
	hist_init(&l->hist);
	if (tap_configure(INTERFACE, o->network, TAP_GUEST))
		return FAIL(l, "%s: %s", INTERFACE, strerror(errno));
	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &poll, sizeof(poll)) ||
	    connect(l->fd, (const struct sockaddr *)&peer, sizeof(peer)))
		return FAIL(l, "no socket: %s", strerror(errno));
	l->last_ns = proc_now_ns();
	return 0;
}

static int begin(struct load *l, int slot)
{
	struct request *r = &l->request[slot];
	char data[WIRE_SIZE_MAX] = { 0 };
	struct wire_packet *p = (struct wire_packet *)data;

	*r = (struct request){ proc_now_ns(), ++l->sequence, l->copies };
	p->slot = htonl(slot);
	p->sequence = htonl(r->sequence);
	p->gap_us = htonl(l->o->gap_us);
	for (int i = 1; i <= l->packets; i++) {
		p->copies = htonl(i == l->packets ? l->copies : 0);
		if (send(l->fd, data, l->o->size, 0) != l->o->size)
			return FAIL(l, "send: %s", strerror(errno));
	}
	return 0;
}

/* UDP loses packets, if seldom here; what comes later than it was given up does not count. */
static int begin_lost(struct load *l)
{
	long long now = proc_now_ns();

	for (int i = 0; i < l->requests; i++) {
		bool first = !l->request[i].sequence;

		if (!first &&
		    now - l->request[i].begin_ns < LOST_NS + l->copies * l->o->gap_us * 1000ll)
			continue;
		l->lost += !first;
		if (begin(l, i))
			return -1;
	}
	return 0;
}

static int complete(struct load *l, const struct wire_packet *p, long long now)
{
	uint32_t slot = ntohl(p->slot);
	struct request *r = &l->request[slot];

	if (slot >= (uint32_t)l->requests || ntohl(p->sequence) != r->sequence)
		return 0;
	if (l->recording) {
		/* from when the peer was meant to send it */
		long long ns = now - r->begin_ns - (l->copies - r->left) * l->o->gap_us * 1000ll;

		l->completed += l->packets;
		hist_add(&l->hist, ns < 0 ? 0 : ns / 1000);
	}
	return --r->left ? 0 : begin(l, slot);
}

static int run(struct load *l, long long end_ns)
{
	char data[WIRE_SIZE_MAX];

	for (long long now = proc_now_ns(); now < end_ns; now = proc_now_ns()) {
		ssize_t n = recv(l->fd, data, sizeof(data), 0);

		now = proc_now_ns();
		if (n >= (ssize_t)sizeof(struct wire_packet)) {
			l->last_ns = now;
			if (complete(l, (const struct wire_packet *)data, now))
				return -1;
		} else if (now - l->last_ns > l->o->stall_s * S_NS) {
			return FAIL(l, "no packet for %d s", l->o->stall_s);
		} else if (begin_lost(l)) {
			return -1;
		}
	}
	return 0;
}

static int measure(struct load *l, int fd)
{
	struct guestcount count;

	if (begin_lost(l) || run(l, proc_now_ns() + WARM_UP_NS))
		return -1;
	if (guestcount_begin(&count, "/sys/class/net/" INTERFACE "/device", fd))
		return FAIL(l, "/proc/interrupts does not have %s", INTERFACE);
	l->lost = 0;
	l->recording = true;
	if (run(l, proc_now_ns() + l->o->seconds * S_NS))
		return -1;
	l->recording = false;
	guestcount_end(&count);
	return guestcount_send(&count, l->completed, &l->hist) ? FAIL(l, "cannot send the answer") :
								 0;
}

static int set_rings(int size)
{
	struct ethtool_ringparam rings = { .cmd = ETHTOOL_SRINGPARAM,
					   .rx_pending = size,
					   .tx_pending = size };
	struct ifreq ifr = { .ifr_name = INTERFACE, .ifr_data = (char *)&rings };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &ifr)) {
		fprintf(stderr, "coop: %s: rings of %d: %s\n", INTERFACE, size, strerror(errno));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {
		.operation = &operations[0], .size = 64, .depth = 1, .seconds = 5, .stall_s = 20
	};
	struct load load;
	int ret;

	ret = proc_options(argc, argv, long_options, set_option, &o);
	if (ret)
		return ret < 0 ? 2 : 0;
	if (o.rings)
		return set_rings(o.rings);
	ret = load_open(&load, &o);
	if (!ret && o.hog && proc_start_hog() < 0)
		ret = FAIL(&load, "no process to compute");
	if (!ret)
		ret = measure(&load, record_fd());
	if (ret) {
		fprintf(stderr, "coop: %s\n", load.error);
		return 1;
	}
	printf("%llu packets, %llu requests lost\n", load.completed, load.lost);
	hist_free(&load.hist);
	return 0;
}
