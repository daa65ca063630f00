// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bench/net/peer.h"
#include "bench/net/wire.h"
#include "lab/lib/proc.h"

/* Two guests, with as many requests each as there can be. */
#define ANSWERS_MAX (2 * WIRE_COPIES_MAX)

struct answer {
	struct sockaddr_in to;
	char data[WIRE_SIZE_MAX];
	ssize_t size;
	uint32_t left; /* packets to be sent; 0: not in use */
	long long gap_ns, due_ns; /* of the next one */
};

static struct answer answers[ANSWERS_MAX];

/* A request that finds no room is lost, as packets are: the guest asks again. */
static struct answer *find_free(void)
{
	for (int i = 0; i < ANSWERS_MAX; i++)
		if (!answers[i].left)
			return &answers[i];
	return NULL;
}

static void receive(int fd)
{
	const struct wire_packet *p;
	struct answer *a = find_free(), spare;
	socklen_t len = sizeof(spare.to);

	if (!a)
		a = &spare;
	a->size = recvfrom(fd, a->data, sizeof(a->data), MSG_DONTWAIT, (struct sockaddr *)&a->to,
			   &len);
	if (a->size < (ssize_t)sizeof(*p) || a == &spare)
		return;
	p = (const struct wire_packet *)a->data;
	a->left = ntohl(p->copies);
	a->left = a->left > WIRE_COPIES_MAX ? WIRE_COPIES_MAX : a->left;
	a->gap_ns = ntohl(p->gap_us) * 1000ll;
	a->due_ns = proc_now_ns();
}

/* What is due; returns when the next packet is. */
static long long send_due(int fd)
{
	long long now = proc_now_ns(), next = now + 1000000000ll;

	for (struct answer *a = answers; a < answers + ANSWERS_MAX; a++) {
		for (; a->left && a->due_ns <= now; a->left--, a->due_ns += a->gap_ns)
			sendto(fd, a->data, a->size, 0, (struct sockaddr *)&a->to, sizeof(a->to));
		if (a->left && a->due_ns < next)
			next = a->due_ns;
	}
	return next;
}

void peer_serve(int fd)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };

	for (;;) {
		long long wait = send_due(fd) - proc_now_ns();
		struct timespec ts = { .tv_nsec = wait < 0 ? 0 : wait % 1000000000ll };

		if (ppoll(&in, 1, &ts, NULL) > 0)
			receive(fd);
	}
}
