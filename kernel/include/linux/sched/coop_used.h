/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a borrower, or a group of them, used of its CPU of late. Plain C without
 * dependencies: tests/unit/coop_used.c runs it in user space.
 */
#ifndef _LINUX_SCHED_COOP_USED_H
#define _LINUX_SCHED_COOP_USED_H

/* What is remembered: 1.07 s, many slices of many competitors. */
#define COOP_USED_SHIFT	30
#define COOP_USED_SPAN	(1ULL << COOP_USED_SHIFT)

/**
 * struct sched_coop_used - CPU time used in the last COOP_USED_SPAN or so
 * @ns: that time, 0..COOP_USED_SPAN
 * @exec: all CPU time that is accounted for in @ns, ns
 * @at: wall time of that, ns
 *
 * A decaying average, brought up to date when looked at. All zero: nothing was
 * used. See struct sched_coop_level, which contains it, for the lock.
 */
struct sched_coop_used {
	u64	ns;
	u64	exec;
	u64	at;
};

/*
 * Used by now: @exec ns of CPU time in total. @now is ns of wall time; where it
 * goes back, as between the clocks of two CPUs, nothing passed.
 */
static inline void coop_used_update(struct sched_coop_used *used, u64 exec,
				    u64 now)
{
	u64 passed = now > used->at ? now - used->at : 0;
	u64 ran = exec - used->exec;

	if (passed >= COOP_USED_SPAN) {
		/* at the pace of all that time; never more than all of it */
		ran = ran < passed ? ran : passed;
		used->ns = (ran / (passed >> 20)) << (COOP_USED_SHIFT - 20);
	} else {
		ran = ran < COOP_USED_SPAN ? ran : COOP_USED_SPAN;
		used->ns -= (used->ns * passed) >> COOP_USED_SHIFT;
		used->ns += ran;
	}
	if (used->ns > COOP_USED_SPAN)
		used->ns = COOP_USED_SPAN;
	used->exec = exec;
	used->at += passed;
}

#endif /* _LINUX_SCHED_COOP_USED_H */
