/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Completion coalescing: when to interrupt the guest.
 *
 * Pure logic without QEMU or host services, so that it is compiled,
 * unit-tested and fuzzed outside of QEMU too. One struct coop_coalesce per
 * queue. The caller serializes the calls for a queue, owns the timer and
 * does the delivery.
 *
 * Where the ideas come from:
 *  - delivery ratio from the commands in flight and their rate, and nothing
 *    held while few are in flight: Ahmad, Gulati, Mashtizadeh, "vIC: Interrupt
 *    Coalescing for Virtual Machine Storage Device IO", USENIX ATC 2011. The
 *    ratio here is one formula instead of steps, and there is a hard cap.
 *  - the end of the vCPU's time slice as a reason to deliver: "Interrupt
 *    Coalescing in Xen with Scheduler Awareness".
 *  - a fixed notification frequency, and one that follows the packet rate:
 *    "Extending I/O Scalability in Xen".
 *
 * What holds for any limits, facts and times: nothing is held longer than
 * max_ns, nor more than COOP_COALESCE_BATCH_MAX completions; a queue of
 * requests with less than the threshold, or nothing, in flight holds nothing;
 * nor does a stream of packets that are questions and answers; a policy that
 * knows of slices holds nothing for a vCPU that waits for a pCPU; a clock that
 * goes back delivers.
 */
#ifndef HW_VIRTIO_VIRTIO_COALESCE_LOGIC_H
#define HW_VIRTIO_VIRTIO_COALESCE_LOGIC_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define COOP_COALESCE_BATCH_MAX 64
#define COOP_COALESCE_PART      8 /* epochs until auto tries one more */
#define COOP_COALESCE_TURNS     8 /* what may be answers without being many */
#define COOP_COALESCE_GAPS      4 /* as many times the usual gap are a pause */
#define COOP_COALESCE_S_NS      1000000000ull

enum coop_coalesce_policy {
    COOP_COALESCE_OFF,
    COOP_COALESCE_RATE,     /* a fixed frequency of notifications */
    COOP_COALESCE_VIC,      /* ratio from commands in flight and their rate */
    COOP_COALESCE_SLICE,    /* vic, and the end of the target's time slice */
    COOP_COALESCE_AUTO,     /* slice, and smaller batches when holds time out */
    COOP_COALESCE_POLICY_NR,
};

/* What ended, or keeps up, a hold. Everything but HOLD delivers. */
enum coop_coalesce_reason {
    COOP_COALESCE_HOLD,
    COOP_COALESCE_DIRECT,   /* policy off */
    COOP_COALESCE_IDLE,     /* somebody waits: few requests are in flight, or
                               packets alternate */
    COOP_COALESCE_SLOW,     /* the rate is too low to gain anything */
    COOP_COALESCE_RATIO,    /* as many as the ratio, or the frequency, asks */
    COOP_COALESCE_SLICE_END,
    COOP_COALESCE_PREEMPTED, /* the target waits for a pCPU: when it is back it
                                finds one interrupt for all that came */
    COOP_COALESCE_PAUSE,    /* no more came for some time */
    COOP_COALESCE_CAP,      /* max_ns, or COOP_COALESCE_BATCH_MAX */
    COOP_COALESCE_CLOCK,    /* the clock went back */
    COOP_COALESCE_FLUSH,    /* the device stops, or the like */
    COOP_COALESCE_REASON_NR,
};

/**
 * struct coop_coalesce_limits - what the user chose for a queue
 * @policy: enum coop_coalesce_policy
 * @stream: completions come unasked (packets), @inflight says nothing
 * @inflight: nothing is held below that many requests in flight; 0 is 1.
 *            The batch is the number of outstanding requests by this
 * @iops: nothing is held below this rate, per second
 * @rate_hz: notifications per second of policy rate; 0: as often as needed
 * @epoch_ns: over which the rate is measured
 * @max_ns: the longest hold; 0 holds nothing
 * @cutoff_ns: nothing is held this long before the slice ends
 */
struct coop_coalesce_limits {
    enum coop_coalesce_policy policy;
    bool stream;
    uint32_t inflight;
    uint32_t iops;
    uint32_t rate_hz;
    uint64_t epoch_ns;
    uint64_t max_ns;
    uint64_t cutoff_ns;
};

/**
 * struct coop_slice_facts - one look at the vCPU that takes the interrupt
 * @valid: the rest means something
 * @running: it is in its time slice, rather than waiting for a pCPU; a vCPU
 *           that sleeps in HLT counts as running with no slice end
 * @slice_left_ns: until it has to make way; UINT64_MAX: nobody competes
 */
struct coop_slice_facts {
    bool valid;
    bool running;
    uint64_t slice_left_ns;
};

/**
 * struct coop_coalesce - a queue; zeroed to begin with
 * @clock: the latest time seen, ns of any monotonic clock
 * @epoch_start: of the present epoch; 0: none yet
 * @completions: of the present epoch
 * @outstanding: sum over them of the requests in flight or held
 * @deliveries: of the present epoch
 * @timeouts: those of them that came when the time of a hold was up
 * @iops: rate of the last epoch
 * @batch: completions per delivery at most, from the last epoch; 0 is 1
 * @ceiling: of @batch in policy auto, times COOP_COALESCE_PART; 0: none yet
 * @held: completions since the last delivery
 * @held_since: the first of them
 * @gap_ns: mean time between two completions of a hold; 0: none yet
 * @delivered: the last delivery
 * @longest: the longest that any completion has been held
 * @due: why the hold ends when its time is up
 * @turn: of the last completion
 * @turns: completions of the present epoch that came with a turn of their own
 * @answers: most of the last epoch's did
 * @loaded: the last epoch's load is one at which completions may be held
 */
struct coop_coalesce {
    uint64_t clock;
    uint64_t epoch_start;
    uint64_t outstanding;
    uint32_t completions;
    uint32_t deliveries;
    uint32_t timeouts;
    uint32_t iops;
    uint32_t batch;
    uint32_t ceiling;
    uint32_t turn;
    uint32_t turns;
    bool answers;
    bool loaded;
    uint32_t held;
    uint64_t held_since;
    uint64_t gap_ns;
    uint64_t delivered;
    uint64_t longest;
    enum coop_coalesce_reason due;
};

/* @until_ns is meaningful for COOP_COALESCE_HOLD only. */
struct coop_coalesce_decision {
    enum coop_coalesce_reason reason;
    uint64_t until_ns;
};

static inline uint64_t coop_coalesce_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* N per NS nanoseconds as a rate per second, or UINT32_MAX if that is less. */
static inline uint32_t coop_coalesce_per_s(uint32_t n, uint64_t ns)
{
    uint64_t rate = ns ? n * COOP_COALESCE_S_NS / ns : UINT32_MAX;

    return rate > UINT32_MAX ? UINT32_MAX : rate;
}

/* How long N completions take at the present rate. */
static inline uint64_t coop_coalesce_span(const struct coop_coalesce *s,
                                          uint32_t n)
{
    return s->iops ? n * COOP_COALESCE_S_NS / s->iops : UINT64_MAX;
}

/*
 * Who has few in flight waits for what is held, and sends nothing until then:
 * no more comes than has come. So a hold ends when the next completion is later
 * than those before it were; packet timers of network cards do the like.
 */
static inline uint64_t coop_coalesce_pause(const struct coop_coalesce *s,
                                           const struct coop_coalesce_limits *l)
{
    uint64_t pause = s->gap_ns ? COOP_COALESCE_GAPS * s->gap_ns :
                                 coop_coalesce_span(s, COOP_COALESCE_GAPS);

    return pause > l->max_ns / COOP_COALESCE_BATCH_MAX ?
               pause : l->max_ns / COOP_COALESCE_BATCH_MAX;
}

/* What comes within the cap; of a stream half of it. */
static inline uint64_t
coop_coalesce_within(const struct coop_coalesce *s,
                     const struct coop_coalesce_limits *l)
{
    uint64_t max_us = l->max_ns / 1000;
    uint64_t within;

    max_us = max_us > 1000000 ? 1000000 : max_us;
    within = s->iops * max_us / 1000000;
    return l->stream ? within / 2 : within;
}

/*
 * How many make a batch now: of requests, a part of what is outstanding, so
 * that the device does not run dry while completions wait. What is outstanding
 * on average would be less: a vCPU that comes back finds it all completed.
 */
static inline uint32_t coop_coalesce_batch(const struct coop_coalesce *s,
                                           const struct coop_coalesce_limits *l,
                                           uint32_t inflight)
{
    uint64_t part = ((uint64_t)inflight + s->held) /
                    (l->inflight ? l->inflight : 1);
    uint32_t most = s->batch ? s->batch : 1;

    if (l->stream || part > most) {
        return most;
    }
    return part ? part : 1;
}

/* In policy auto: halve what mostly times out, and try more only slowly. */
static inline void coop_coalesce_adapt(struct coop_coalesce *s)
{
    const uint32_t max = COOP_COALESCE_BATCH_MAX * COOP_COALESCE_PART;
    uint32_t ceiling = s->ceiling ? s->ceiling : max;

    if (s->timeouts > s->deliveries / 8) {
        ceiling /= 2;
    } else if (ceiling < max) {
        ceiling++;
    }
    s->ceiling = ceiling < COOP_COALESCE_PART ? COOP_COALESCE_PART : ceiling;
}

/*
 * Packets of which each comes after one in the other direction are questions
 * and answers, and who waits for one does not go on before. The turns of the
 * present epoch count too, so that one more is hardly held when a stream turns
 * into answers.
 */
static inline bool coop_coalesce_answers(const struct coop_coalesce *s)
{
    return s->answers ||
           s->turns > COOP_COALESCE_TURNS + s->completions / 2;
}

static inline void coop_coalesce_begin_epoch(struct coop_coalesce *s,
                                             uint64_t now)
{
    s->epoch_start = now;
    s->outstanding = 0;
    s->completions = 0;
    s->deliveries = 0;
    s->timeouts = 0;
    s->turns = 0;
}

/*
 * Of the epoch that ends: many at once, often enough, not one by one, and
 * without a pause since?
 */
static inline bool
coop_coalesce_was_loaded(const struct coop_coalesce *s,
                         const struct coop_coalesce_limits *l, uint64_t now)
{
    if (!s->completions || !s->iops || s->iops < l->iops ||
        now - s->clock >= l->epoch_ns) {
        return false;
    }
    return l->stream ? !s->answers :
                       s->outstanding / s->completions > l->inflight;
}

static inline void coop_coalesce_epoch(struct coop_coalesce *s,
                                       const struct coop_coalesce_limits *l,
                                       uint64_t now)
{
    uint64_t batch;

    if (now - s->epoch_start < l->epoch_ns && s->completions < UINT32_MAX) {
        return;
    }
    s->iops = coop_coalesce_per_s(s->completions, now - s->epoch_start);
    batch = coop_coalesce_within(s, l);
    coop_coalesce_adapt(s);
    s->answers = s->turns > s->completions / 2;
    s->loaded = coop_coalesce_was_loaded(s, l, now);
    if (l->policy == COOP_COALESCE_AUTO &&
        batch > s->ceiling / COOP_COALESCE_PART) {
        batch = s->ceiling / COOP_COALESCE_PART;
    }
    batch = batch > COOP_COALESCE_BATCH_MAX ? COOP_COALESCE_BATCH_MAX : batch;
    s->batch = batch ? batch : 1;
    coop_coalesce_begin_epoch(s, now);
}

/* May this queue hold anything at its present load? HOLD says yes. */
static inline enum coop_coalesce_reason
coop_coalesce_load(const struct coop_coalesce *s,
                   const struct coop_coalesce_limits *l, uint32_t inflight)
{
    if (l->policy == COOP_COALESCE_OFF) {
        return COOP_COALESCE_DIRECT;
    }
    if (!l->stream && (!inflight || inflight < l->inflight)) {
        return COOP_COALESCE_IDLE;
    }
    if (l->policy == COOP_COALESCE_RATE) {
        return COOP_COALESCE_HOLD;
    }
    if (!s->iops || s->iops < l->iops) {
        return COOP_COALESCE_SLOW;
    }
    if (l->stream && coop_coalesce_answers(s)) {
        return COOP_COALESCE_IDLE;
    }
    return COOP_COALESCE_HOLD;
}

/* Shorten the hold to @until; a time that has come delivers. */
static inline void coop_coalesce_until(struct coop_coalesce_decision *d,
                                       struct coop_coalesce *s, uint64_t now,
                                       uint64_t until,
                                       enum coop_coalesce_reason reason)
{
    if (d->reason != COOP_COALESCE_HOLD || until > d->until_ns) {
        return;
    }
    d->until_ns = until;
    s->due = reason;
    if (until <= now) {
        d->reason = reason;
    }
}

/*
 * Policy slice: what is not delivered before the slice ends waits a round. The
 * paper delivers at once from where the next batch would come after the end;
 * what comes until then makes one more batch here, which costs one interrupt
 * instead of many and is as much in time.
 */
static inline void coop_coalesce_slice(struct coop_coalesce_decision *d,
                                       struct coop_coalesce *s,
                                       const struct coop_coalesce_limits *l,
                                       const struct coop_slice_facts *facts,
                                       uint64_t now)
{
    uint64_t left = facts->slice_left_ns;

    coop_coalesce_until(d, s, now,
                        left > l->cutoff_ns ?
                            coop_coalesce_add(now, left - l->cutoff_ns) : now,
                        COOP_COALESCE_SLICE_END);
}

static inline void coop_coalesce_policy(struct coop_coalesce_decision *d,
                                        struct coop_coalesce *s,
                                        const struct coop_coalesce_limits *l,
                                        const struct coop_slice_facts *facts,
                                        uint32_t inflight, uint64_t now)
{
    bool aware = facts->valid && (l->policy == COOP_COALESCE_SLICE ||
                                  l->policy == COOP_COALESCE_AUTO);

    if (l->policy == COOP_COALESCE_RATE) {
        uint64_t period = l->rate_hz ? COOP_COALESCE_S_NS / l->rate_hz : 0;

        coop_coalesce_until(d, s, now,
                            coop_coalesce_add(s->delivered, period),
                            COOP_COALESCE_RATIO);
    } else if (aware && !facts->running) {
        d->reason = COOP_COALESCE_PREEMPTED;
    } else if (s->held >= coop_coalesce_batch(s, l, inflight)) {
        d->reason = COOP_COALESCE_RATIO;
    } else {
        coop_coalesce_until(d, s, now,
                            coop_coalesce_add(now, coop_coalesce_pause(s, l)),
                            COOP_COALESCE_PAUSE);
        if (aware && facts->slice_left_ns != UINT64_MAX) {
            coop_coalesce_slice(d, s, l, facts, now);
        }
    }
}

/* Mean of the last few; 0 would say that there are none. */
static inline void coop_coalesce_gap(struct coop_coalesce *s, uint64_t gap_ns)
{
    gap_ns = gap_ns < COOP_COALESCE_S_NS ? gap_ns : COOP_COALESCE_S_NS;
    s->gap_ns = s->gap_ns ? s->gap_ns - s->gap_ns / 16 + gap_ns / 16 : gap_ns;
    s->gap_ns = s->gap_ns ? s->gap_ns : 1;
}

/* What is held goes out, or is dropped, now. */
static inline void coop_coalesce_delivered(struct coop_coalesce *s,
                                           uint64_t now)
{
    uint64_t held = now > s->held_since ? now - s->held_since : 0;

    s->longest = held > s->longest ? held : s->longest;
    s->deliveries++;
    s->held = 0;
    s->delivered = now;
}

/**
 * coop_coalesce_complete() - a completion is in the ring: interrupt now?
 * @s: the queue
 * @l: its limits; may differ from call to call
 * @facts: of the vCPU that takes the interrupt
 * @inflight: requests of the queue that the device still works on
 * @turn: any number that changes with every packet in the other direction;
 *        constant if there is none
 * @now: ns, of any monotonic clock
 *
 * Returns HOLD and until when, or why to deliver. A hold stands until the
 * next completion or the returned time, whichever is first.
 */
static inline struct coop_coalesce_decision
coop_coalesce_complete(struct coop_coalesce *s,
                       const struct coop_coalesce_limits *l,
                       const struct coop_slice_facts *facts,
                       uint32_t inflight, uint32_t turn, uint64_t now)
{
    struct coop_coalesce_decision d = { COOP_COALESCE_HOLD, UINT64_MAX };

    if (now < s->clock) {
        coop_coalesce_begin_epoch(s, now);
        d.reason = COOP_COALESCE_CLOCK;
    } else if (!s->epoch_start) {
        coop_coalesce_begin_epoch(s, now);
    } else {
        coop_coalesce_epoch(s, l, now);
    }
    if (s->held && d.reason == COOP_COALESCE_HOLD) {
        coop_coalesce_gap(s, now - s->clock);
    }
    s->clock = now;
    s->held_since = s->held ? s->held_since : now;
    s->held++;
    s->completions++;
    s->turns += turn != s->turn;
    s->turn = turn;
    s->outstanding += (uint64_t)inflight + s->held;
    if (d.reason == COOP_COALESCE_HOLD) {
        d.reason = coop_coalesce_load(s, l, inflight);
    }
    if (d.reason == COOP_COALESCE_HOLD &&
        s->held >= COOP_COALESCE_BATCH_MAX) {
        d.reason = COOP_COALESCE_CAP;
    }
    coop_coalesce_until(&d, s, now,
                        coop_coalesce_add(s->held_since, l->max_ns),
                        COOP_COALESCE_CAP);
    if (d.reason == COOP_COALESCE_HOLD) {
        coop_coalesce_policy(&d, s, l, facts, inflight, now);
    }
    if (d.reason != COOP_COALESCE_HOLD) {
        coop_coalesce_delivered(s, now);
    }
    return d;
}

/**
 * coop_coalesce_worth_boost() - does somebody wait for this queue's interrupt?
 *
 * A vCPU that is boosted for each of them handles completions one by one, and
 * each costs it a switch. Under load it gets further by its own time slice, in
 * which it finds many. Asked after coop_coalesce_complete().
 */
static inline bool coop_coalesce_worth_boost(const struct coop_coalesce *s)
{
    return !s->loaded;
}

/**
 * coop_coalesce_expire() - the time of a hold is up
 *
 * Returns why to deliver, or HOLD if nothing is held.
 */
static inline enum coop_coalesce_reason
coop_coalesce_expire(struct coop_coalesce *s, uint64_t now)
{
    if (!s->held) {
        return COOP_COALESCE_HOLD;
    }
    if (s->due != COOP_COALESCE_RATIO) {
        s->timeouts++;
    }
    if (s->due == COOP_COALESCE_PAUSE && s->held == 1 && s->gap_ns) {
        /* None was seen; they may have become longer: it is about doubled. */
        coop_coalesce_gap(s, 16 * s->gap_ns);
    }
    coop_coalesce_delivered(s, now);
    return s->due;
}

/**
 * coop_coalesce_flush() - the device stops: whatever is held goes out
 *
 * Returns whether anything was held.
 */
static inline bool coop_coalesce_flush(struct coop_coalesce *s, uint64_t now)
{
    bool held = s->held;

    if (held) {
        coop_coalesce_delivered(s, now);
    }
    return held;
}

/* The queue is reset: nothing is owed any more, and the load is unknown. */
static inline void coop_coalesce_reset(struct coop_coalesce *s)
{
    uint64_t longest = s->longest;

    memset(s, 0, sizeof(*s));
    s->longest = longest;
}

#endif
