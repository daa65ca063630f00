// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "bench/lib/audioring.h"

#define S_NS 1000000000ull

_Static_assert(sizeof(struct audio_ring) <= AUDIO_RING_BYTES, "the ring is larger than its memory");
_Static_assert(AUDIO_BUFFER_MAX < AUDIO_SLOTS, "a burst may be written while it is taken");

void audio_ring_reset(struct audio_ring *r)
{
	memset(r, 0, sizeof(*r));
}

bool audio_ring_take(struct audio_ring *r, uint64_t k, int16_t *to, unsigned int frames)
{
	uint64_t ahead = __atomic_load_n(&r->written, __ATOMIC_ACQUIRE) - k;
	bool there = ahead >= 1 && ahead <= AUDIO_SLOTS;

	if (there)
		memcpy(to, r->slot[k % AUDIO_SLOTS], frames * sizeof(*to));
	else
		memset(to, 0, frames * sizeof(*to));
	__atomic_store_n(&r->taken, k + 1, __ATOMIC_RELEASE);
	return there;
}

uint64_t audio_burst_ns(uint64_t k, unsigned int frames, unsigned int rate)
{
	return k * frames * S_NS / rate;
}
