/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest and its peer in L1 say to each other: UDP, fields in network order. */
#ifndef BENCH_NET_WIRE_H
#define BENCH_NET_WIRE_H

#include <stdint.h>

#define WIRE_PORT 7777
#define WIRE_SIZE_MIN 64
#define WIRE_SIZE_MAX 1400
#define WIRE_COPIES_MAX 64

struct wire_packet {
	uint32_t slot, sequence; /* of the guest's: which request this belongs to */
	uint32_t copies; /* so many of this packet are to be sent back */
	uint32_t gap_us; /* with that time between them */
};

#endif
