/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Completion coalescing for virtio queues: holds, timers and properties.
 *
 * What is held is the question whether the guest wants an interrupt, not an
 * interrupt: virtio_notify*() looks at the ring when the hold ends, so that a
 * guest that has found its completions meanwhile is left alone.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "qemu/error-report.h"
#include "qemu/lockable.h"
#include "qemu/main-loop.h"
#include "qemu/timer.h"
#include "block/aio-wait.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci_device.h"
#include "hw/qdev-core.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-coalesce.h"
#include "hw/virtio/virtio-coalesce-logic.h"
#include "trace.h"

/*
 * Owned by its virtqueue. Everything below the lock is protected by it: the
 * queue's AioContext takes it at completions and in the timer, others take it
 * to flush, to reset and to read the counters.
 */
struct VirtIOCoalesce {
    VirtIODevice *vdev;
    VirtQueue *vq;
    PCIDevice *pci;             /* NULL: another transport, no facts */
    const VirtIOCoalesceConf *conf;
    AioContext *ctx;
    bool stream;
    VirtQueue *opposite;        /* of a pair of queues, or NULL */
    QLIST_ENTRY(VirtIOCoalesce) next;   /* protected by the BQL */

    QemuMutex lock;
    bool bulk;                  /* the host knows that bulk_msg is */
    MSIMessage bulk_msg;
    QEMUTimer *timer;
    uint64_t until_ns;          /* meaningful while something is held */
    struct coop_coalesce state;
    uint64_t counts[COOP_COALESCE_REASON_NR];
};

static const char *const policy_names[] = {
    [COOP_COALESCE_OFF] = "off",
    [COOP_COALESCE_RATE] = "rate",
    [COOP_COALESCE_VIC] = "vic",
    [COOP_COALESCE_SLICE] = "slice",
    [COOP_COALESCE_AUTO] = "auto",
};

static const QEnumLookup policy_lookup = {
    .array = policy_names,
    .size = COOP_COALESCE_POLICY_NR,
};

/* HOLD is the number of holds, the others that of deliveries. */
static const char *const count_names[] = {
    [COOP_COALESCE_HOLD] = "held",
    [COOP_COALESCE_DIRECT] = "off",     /* while this is being switched off */
    [COOP_COALESCE_IDLE] = "idle",
    [COOP_COALESCE_SLOW] = "slow",
    [COOP_COALESCE_RATIO] = "ratio",
    [COOP_COALESCE_SLICE_END] = "slice-end",
    [COOP_COALESCE_PREEMPTED] = "preempted",
    [COOP_COALESCE_PAUSE] = "pause",
    [COOP_COALESCE_CAP] = "cap",
    [COOP_COALESCE_CLOCK] = "clock",
    [COOP_COALESCE_FLUSH] = "flush",
};

static const VirtIOCoalesceHost *coalesce_host;

void virtio_coalesce_set_host(const VirtIOCoalesceHost *host)
{
    qatomic_set(&coalesce_host, host);
}

static uint64_t clock_ns(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_REALTIME);
}

/* The queue's MSI-X message, as the guest has set it now. */
static bool get_message(const VirtIOCoalesce *c, MSIMessage *msg)
{
    uint16_t vector = virtio_queue_vector(c->vdev,
                                          virtio_get_queue_index(c->vq));

    if (!c->pci || !msix_enabled(c->pci) || vector == VIRTIO_NO_VECTOR) {
        return false;
    }
    *msg = msix_get_message(c->pci, vector);
    return true;
}

/* Without a host the facts are invalid, and slice decides as vic does. */
static void get_facts(VirtIOCoalesce *c, struct coop_slice_facts *facts)
{
    const VirtIOCoalesceHost *host = qatomic_read(&coalesce_host);
    MSIMessage msg;

    memset(facts, 0, sizeof(*facts));
    if (!host) {
        if (qatomic_read(&c->conf->policy) == COOP_COALESCE_SLICE) {
            warn_report_once("coalesce=slice: nothing is known about the time "
                             "slices of vCPUs here: it works as vic");
        }
    } else if (get_message(c, &msg)) {
        host->get_facts(&msg, facts);
    }
}

/*
 * Interrupts of a bulk queue boost nobody. The guest may move them from vCPU
 * to vCPU, so this is looked at before each of them.
 */
static void mark_bulk(VirtIOCoalesce *c, bool bulk)
{
    const VirtIOCoalesceHost *host = qatomic_read(&coalesce_host);
    MSIMessage msg = { 0 };

    bulk = bulk && host && get_message(c, &msg);
    if (c->bulk && (!bulk || msg.address != c->bulk_msg.address ||
                    msg.data != c->bulk_msg.data)) {
        host->set_bulk(&c->bulk_msg, false);
        c->bulk = false;
    }
    if (bulk && !c->bulk) {
        host->set_bulk(&msg, true);
        c->bulk_msg = msg;
        c->bulk = true;
    }
}

static void get_limits(const VirtIOCoalesce *c, struct coop_coalesce_limits *l)
{
    const VirtIOCoalesceConf *conf = c->conf;

    l->policy = qatomic_read(&conf->policy);
    l->stream = c->stream;
    l->inflight = qatomic_read(&conf->inflight);
    l->iops = qatomic_read(&conf->iops);
    l->rate_hz = qatomic_read(&conf->rate_hz);
    l->epoch_ns = (uint64_t)qatomic_read(&conf->epoch_ms) * SCALE_MS;
    l->max_ns = (uint64_t)qatomic_read(&conf->max_us) * SCALE_US;
    l->cutoff_ns = (uint64_t)qatomic_read(&conf->cutoff_us) * SCALE_US;
}

/* After the logic has seen the completion. */
static bool is_bulk(const VirtIOCoalesce *c)
{
    int urgent = qatomic_read(&c->conf->urgent);

    return urgent == ON_OFF_AUTO_OFF ||
           (urgent == ON_OFF_AUTO_AUTO && !coop_coalesce_worth_boost(&c->state));
}

/* No policy, and nobody to tell which interrupts are worth a boost. */
static bool has_nothing_to_do(const VirtIOCoalesce *c)
{
    return qatomic_read(&c->conf->policy) == COOP_COALESCE_OFF &&
           !qatomic_read(&c->bulk) &&
           (qatomic_read(&c->conf->urgent) == ON_OFF_AUTO_ON ||
            !qatomic_read(&coalesce_host));
}

/* Where the device stands in the opposite queue. */
static uint32_t get_turn(const VirtIOCoalesce *c)
{
    return c->opposite ? virtio_queue_get_last_avail_idx(
                             c->vdev, virtio_get_queue_index(c->opposite)) : 0;
}

static void account(VirtIOCoalesce *c, enum coop_coalesce_reason reason)
{
    c->counts[reason]++;
    trace_virtio_coalesce(c->vdev, virtio_get_queue_index(c->vq),
                          count_names[reason]);
}

/*
 * A stopped VM must not have holds, or they would be missing where it is
 * resumed, and the timer runs in the queue's own context only.
 */
static bool may_hold(const VirtIOCoalesce *c)
{
    return c->vdev->vm_running && !c->vdev->broken &&
           qemu_get_current_aio_context() == c->ctx;
}

/* A timer that is too early sets itself again; moving it is a system call. */
static void arm(VirtIOCoalesce *c, uint64_t until_ns)
{
    c->until_ns = until_ns;
    timer_mod_anticipate_ns(c->timer, until_ns);
}

bool virtio_coalesce_hold(VirtIOCoalesce *c, unsigned int inflight)
{
    struct coop_coalesce_decision d = { .reason = COOP_COALESCE_FLUSH };
    struct coop_coalesce_limits limits;
    struct coop_slice_facts facts = { 0 };
    bool held, off = false;

    if (!c || has_nothing_to_do(c)) {
        return false;
    }
    QEMU_LOCK_GUARD(&c->lock);
    held = c->state.held;
    if (may_hold(c)) {
        get_limits(c, &limits);
        off = limits.policy == COOP_COALESCE_OFF;
        if (!off) {
            get_facts(c, &facts);
        }
        d = coop_coalesce_complete(&c->state, &limits, &facts, inflight,
                                   get_turn(c), clock_ns());
    } else {
        coop_coalesce_flush(&c->state, clock_ns());
    }
    mark_bulk(c, is_bulk(c));
    /* What is held already goes with this one, and counts. */
    if (!held && (off || d.reason == COOP_COALESCE_FLUSH)) {
        return false;
    }
    account(c, d.reason);
    if (d.reason == COOP_COALESCE_HOLD) {
        arm(c, d.until_ns);
    }
    return d.reason == COOP_COALESCE_HOLD;
}

/*
 * The lock is kept while the guest is notified: who has flushed the queue may
 * take its notifier away.
 */
static void hold_timer(void *opaque)
{
    VirtIOCoalesce *c = opaque;
    uint64_t now = clock_ns();

    QEMU_LOCK_GUARD(&c->lock);
    if (!c->state.held) {
        return;
    }
    if (now < c->until_ns) {
        arm(c, c->until_ns);
        return;
    }
    account(c, coop_coalesce_expire(&c->state, now));
    virtio_queue_notify_guest(c->vq);
}

static void nothing(void *opaque)
{
}

/*
 * Wait for a timer that runs right now, and for a notification that
 * defer_call() has put off: draining does not wait for it, since its request
 * counts as complete, and it would be lost with the guest notifier.
 */
static void synchronize(VirtIOCoalesce *c)
{
    if (c->ctx != qemu_get_aio_context()) {
        aio_wait_bh_oneshot(c->ctx, nothing, NULL);
    }
}

void virtio_coalesce_flush(VirtIOCoalesce *c)
{
    if (!c) {
        return;
    }
    WITH_QEMU_LOCK_GUARD(&c->lock) {
        timer_del(c->timer);
        if (coop_coalesce_flush(&c->state, clock_ns())) {
            account(c, COOP_COALESCE_FLUSH);
            virtio_queue_notify_guest(c->vq);
        }
    }
    synchronize(c);
}

void virtio_coalesce_reset(VirtIOCoalesce *c)
{
    if (!c) {
        return;
    }
    WITH_QEMU_LOCK_GUARD(&c->lock) {
        timer_del(c->timer);
        mark_bulk(c, false);
        coop_coalesce_reset(&c->state);
    }
}

void virtio_coalesce_attach(VirtIODevice *vdev, VirtQueue *vq,
                            VirtIOCoalesceConf *conf, AioContext *ctx,
                            bool stream, VirtQueue *opposite)
{
    VirtIOCoalesce *c = g_new0(VirtIOCoalesce, 1);
    BusState *bus = qdev_get_parent_bus(DEVICE(vdev));

    c->vdev = vdev;
    c->vq = vq;
    c->pci = (PCIDevice *)object_dynamic_cast(OBJECT(bus->parent),
                                              TYPE_PCI_DEVICE);
    c->conf = conf;
    c->ctx = ctx;
    c->stream = stream;
    c->opposite = opposite;
    qemu_mutex_init(&c->lock);
    c->timer = aio_timer_new(ctx, QEMU_CLOCK_REALTIME, SCALE_NS, hold_timer, c);
    QLIST_INSERT_HEAD(&conf->queues, c, next);
    virtio_queue_set_coalesce(vq, c);
}

void virtio_coalesce_detach(VirtIOCoalesce *c)
{
    if (!c) {
        return;
    }
    mark_bulk(c, false);
    timer_free(c->timer);
    QLIST_REMOVE(c, next);
    qemu_mutex_destroy(&c->lock);
    g_free(c);
}

/* A number of VirtIOCoalesceConf as a property. */
typedef struct {
    const char *name, *help;
    size_t offset;
    uint32_t value, max;        /* value: the default */
} Number;

#define NUMBER(name, field, value, max, help) \
    { name, help, offsetof(VirtIOCoalesceConf, field), value, max }

static const Number numbers[] = {
    NUMBER("coalesce-inflight", inflight, 4, 1024,
           "nothing is held below that many requests in flight"),
    NUMBER("coalesce-iops", iops, 2000, UINT32_MAX,
           "nothing is held below this rate, per second"),
    NUMBER("coalesce-rate", rate_hz, 1000, 1000000,
           "notifications per second with coalesce=rate"),
    NUMBER("coalesce-epoch-ms", epoch_ms, 200, 10000,
           "time over which the rate is measured"),
    NUMBER("coalesce-max-us", max_us, 1000, 100000,
           "longest hold; 0 holds nothing"),
    NUMBER("coalesce-cutoff-us", cutoff_us, 100, 100000,
           "nothing is held this long before the time slice ends"),
};

/* A property's opaque: where the configuration is, and what of it. */
typedef struct {
    size_t conf_offset;
    const Number *number;
} ConfProperty;

static VirtIOCoalesceConf *conf_of(Object *obj, const ConfProperty *p)
{
    return (VirtIOCoalesceConf *)((char *)obj + p->conf_offset);
}

static uint32_t *number_of(Object *obj, const ConfProperty *p)
{
    return (uint32_t *)((char *)conf_of(obj, p) + p->number->offset);
}

static void get_number(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    uint32_t value = *number_of(obj, opaque);

    visit_type_uint32(v, name, &value, errp);
}

static void set_number(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    const ConfProperty *p = opaque;
    uint32_t value;

    if (!visit_type_uint32(v, name, &value, errp)) {
        return;
    }
    if (value > p->number->max) {
        error_setg(errp, "%s must be 0 to %" PRIu32 ", not %" PRIu32, name,
                   p->number->max, value);
        return;
    }
    qatomic_set(number_of(obj, p), value);
}

static void get_policy(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    int value = conf_of(obj, opaque)->policy;

    visit_type_enum(v, name, &value, &policy_lookup, errp);
}

static void set_policy(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    int value;

    if (visit_type_enum(v, name, &value, &policy_lookup, errp)) {
        qatomic_set(&conf_of(obj, opaque)->policy, value);
    }
}

static void get_urgent(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    int value = conf_of(obj, opaque)->urgent;

    visit_type_enum(v, name, &value, &OnOffAuto_lookup, errp);
}

static void set_urgent(Object *obj, Visitor *v, const char *name, void *opaque,
                       Error **errp)
{
    int value;

    if (visit_type_enum(v, name, &value, &OnOffAuto_lookup, errp)) {
        qatomic_set(&conf_of(obj, opaque)->urgent, value);
    }
}

/* Of all queues together. */
static void get_stats(Object *obj, Visitor *v, const char *name, void *opaque,
                      Error **errp)
{
    VirtIOCoalesceConf *conf = conf_of(obj, opaque);
    uint64_t counts[COOP_COALESCE_REASON_NR] = { 0 };
    uint64_t longest_us = 0;
    VirtIOCoalesce *c;

    QLIST_FOREACH(c, &conf->queues, next) {
        QEMU_LOCK_GUARD(&c->lock);
        for (int i = 0; i < COOP_COALESCE_REASON_NR; i++) {
            counts[i] += c->counts[i];
        }
        longest_us = MAX(longest_us, c->state.longest / SCALE_US);
    }
    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    for (int i = 0; i < COOP_COALESCE_REASON_NR; i++) {
        if (!visit_type_uint64(v, count_names[i], &counts[i], errp)) {
            goto out;
        }
    }
    visit_type_uint64(v, "longest-us", &longest_us, errp);
out:
    visit_end_struct(v, NULL);
}

static ConfProperty *conf_property(size_t conf_offset, const Number *number)
{
    ConfProperty *p = g_new(ConfProperty, 1);

    *p = (ConfProperty){ conf_offset, number };
    return p;
}

void virtio_coalesce_class_init(ObjectClass *oc, size_t conf_offset)
{
    ConfProperty *whole = conf_property(conf_offset, NULL);

    object_class_property_add(oc, "coalesce", "CoalescePolicy", get_policy,
                              set_policy, NULL, whole);
    object_class_property_set_description(oc, "coalesce",
        "How completion interrupts are held: off, rate, vic, slice or auto");
    object_class_property_add(oc, "coalesce-urgent", "OnOffAuto", get_urgent,
                              set_urgent, NULL, whole);
    object_class_property_set_description(oc, "coalesce-urgent",
        "On: its interrupts boost the vCPU; auto: while few requests are in "
        "flight, or packets come one by one; off: never");
    object_class_property_add(oc, "coalesce-stats", "CoalesceStats", get_stats,
                              NULL, NULL, whole);
    object_class_property_set_description(oc, "coalesce-stats",
        "Completions held, deliveries by their reason, while not off, and "
        "the longest hold");
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        object_class_property_add(oc, numbers[i].name, "uint32", get_number,
                                  set_number, NULL,
                                  conf_property(conf_offset, &numbers[i]));
        object_class_property_set_description(oc, numbers[i].name,
                                              numbers[i].help);
    }
}

void virtio_coalesce_conf_init(VirtIOCoalesceConf *conf)
{
    conf->policy = COOP_COALESCE_OFF;
    conf->urgent = ON_OFF_AUTO_AUTO;
    QLIST_INIT(&conf->queues);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        *(uint32_t *)((char *)conf + numbers[i].offset) = numbers[i].value;
    }
}
