// SPDX-License-Identifier: GPL-2.0
#include "bench/lib/glitch.h"

/* The sine and twice the cosine of 2 * pi / SINE_PERIOD. */
#define STEP_SINE 0.07945016697171438
#define STEP_COSINE2 1.9936776780293917

/* By recurrence: the sin() of two machines' libraries may round differently. */
void sine_table(int16_t table[SINE_PERIOD])
{
	double last = -STEP_SINE, now = 0;

	for (int i = 0; i < SINE_PERIOD; i++) {
		double value = now * SINE_AMPLITUDE, next = STEP_COSINE2 * now - last;

		table[i] = (int16_t)(value < 0 ? value - 0.5 : value + 0.5);
		last = now;
		now = next;
	}
}

void glitch_init(struct glitch_detector *d)
{
	*d = (struct glitch_detector){ .phase = 0 };
	sine_table(d->table);
}

bool glitch_lasts(const struct glitch_detector *d)
{
	return d->good < SINE_PERIOD;
}

void glitch_restart(struct glitch_detector *d)
{
	d->frames = 0;
	d->clean = 0;
	d->run = 0;
	d->longest = 0;
	d->glitches = glitch_lasts(d);
}

/* Where the sine goes on after FRAME; SINE_PERIOD if it has no such frame. */
static unsigned int phase_after(const struct glitch_detector *d, int16_t frame)
{
	for (unsigned int i = 0; i < SINE_PERIOD; i++)
		if (d->table[i] == frame)
			return (i + 1) % SINE_PERIOD;
	return SINE_PERIOD;
}

static void wrong(struct glitch_detector *d, int16_t frame)
{
	d->glitches += !glitch_lasts(d);
	d->run = 0;
	d->phase = phase_after(d, frame);
	d->good = d->phase < SINE_PERIOD;
}

static void right(struct glitch_detector *d)
{
	d->phase = (d->phase + 1) % SINE_PERIOD;
	if (glitch_lasts(d)) {
		d->good++;
		return;
	}
	d->clean++;
	d->run++;
	if (d->run > d->longest)
		d->longest = d->run;
}

void glitch_feed(struct glitch_detector *d, const int16_t *frames, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		d->frames++;
		if (d->phase < SINE_PERIOD && frames[i] == d->table[d->phase])
			right(d);
		else
			wrong(d, frames[i]);
	}
}
