/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory that a guest shares with the sound device of the audio benchmark, which the host
 * plays. Burst number K lies in slot K % AUDIO_SLOTS. The device takes burst K at its time,
 * whatever the guest does, and plays silence if it is not there.
 */
#ifndef BENCH_LIB_AUDIORING_H
#define BENCH_LIB_AUDIORING_H

#include <stdbool.h>
#include <stdint.h>

#define AUDIO_SLOTS 16
#define AUDIO_FRAMES_MAX 512
/* The guest's buffer, in bursts: a slot that is taken is not written at the same time. */
#define AUDIO_BUFFER_MAX 8

/* A PCI BAR is a power of two. */
#define AUDIO_RING_BYTES (64 << 10)

/* QEMU's ivshmem-plain, and the BAR that has the memory. */
#define AUDIO_PCI_VENDOR 0x1af4
#define AUDIO_PCI_DEVICE 0x1110
#define AUDIO_PCI_BAR 2

struct audio_ring {
	/* Written by the device */
	uint64_t taken; /* bursts whose time is past, whether they were there or not */
	uint32_t stop; /* it was enough */
	uint8_t pad[52];
	/* Written by the guest: nothing here can be relied on */
	uint64_t written; /* bursts */
	uint64_t callbacks;
	uint32_t started; /* the buffer is full for the first time */
	uint8_t pad2[44];
	int16_t slot[AUDIO_SLOTS][AUDIO_FRAMES_MAX];
};

/* All of it as before the guest starts. */
void audio_ring_reset(struct audio_ring *r);

/*
 * The device's side: burst K, of FRAMES up to AUDIO_FRAMES_MAX, to TO. False and silence if the
 * guest has not written it, or says that it has overwritten it.
 */
bool audio_ring_take(struct audio_ring *r, uint64_t k, int16_t *to, unsigned int frames);

/*
 * When burst K begins after the first one, in ns: without the error that a rounded period adds up.
 * RATE is frames per second.
 */
uint64_t audio_burst_ns(uint64_t k, unsigned int frames, unsigned int rate);

#endif
