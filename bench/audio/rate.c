// SPDX-License-Identifier: GPL-2.0
/*
 * --rate auto: a callback that takes more of the pCPU than its fair share comes late however it is
 * scheduled, and in an emulator that is so at 48 kHz with short bursts. So measure first what it
 * takes, alone, and let the device play so much slower that it gets it.
 */
#include <unistd.h>

#include "bench/audio/bench.h"
#include "lab/lib/record.h"

/* How many times slower than AUDIO_RATE the device may play. */
static const int slower[] = { 1, 2, 4, AUDIO_RATE / AUDIO_RATE_LEAST };

#define SLOWER ((int)(sizeof(slower) / sizeof(slower[0])))
#define PROBE_SECONDS 2
#define SETTLE_US 300000

static int least_frames(const struct guest_bench *b)
{
	int least = AUDIO_FRAMES_MAX;

	for (int i = 0; i < b->cases.n; i++) {
		const struct guest_case *c = b->cases.chosen[i];

		least = c->variant < least ? c->variant : least;
	}
	return least;
}

/* What part of a pCPU does the callback take, with the shortest bursts at the highest rate? */
static int probe(struct guest_measurement *m)
{
	struct guest_bench *b = m->bench;
	const struct guest_case shortest = { .name = "rate", .variant = least_frames(b) };
	struct audio *a = b->arg;
	int ret, seconds = b->seconds;

	usleep(SETTLE_US);
	m->guest_case = &shortest;
	a->rate = AUDIO_RATE;
	b->seconds = PROBE_SECONDS;
	ret = play_case(m);
	b->seconds = seconds;
	if (!ret)
		a->callback_share = (double)m->vcpu_ns / m->wall_ns;
	return ret;
}

int choose_rate(struct guest_bench *b, json_t *parameters)
{
	struct audio *a = b->arg;

	if (a->rate)
		return 0;
	record_progress(b->record_fd, 0, b->total, "choosing the rate");
	if (guest_bench_with(b, &guest_modes[0], "rate", probe))
		return -1;
	a->rate = AUDIO_RATE / guest_bench_period(b, a->callback_share, slower, SLOWER);
	json_object_set_new(parameters, "rate", json_integer(a->rate));
	json_object_set_new(parameters, "callback_share_at_48000", json_real(a->callback_share));
	return 0;
}
