/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that are the same for the same seed: xorshift64. */
#ifndef LAB_LIB_RNG_H
#define LAB_LIB_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline struct rng rng_init(unsigned int seed)
{
	return (struct rng){ (seed + 1ull) * 0x9e3779b97f4a7c15ull };
}

static inline uint64_t rng_next(struct rng *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state;
}

/* 0 to N - 1 */
static inline unsigned int rng_below(struct rng *r, unsigned int n)
{
	return (rng_next(r) >> 16) % n;
}

#endif
