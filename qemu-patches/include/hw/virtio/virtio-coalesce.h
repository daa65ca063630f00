/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Completion coalescing for virtio queues: a completion's interrupt may be
 * held for a bounded time, so that one interrupt serves several completions.
 *
 * A device that wants it embeds a VirtIOCoalesceConf, adds the properties in
 * its class_init, sets the defaults in its instance_init, and attaches each
 * queue when it has been added. virtio.c does the rest.
 */
#ifndef HW_VIRTIO_VIRTIO_COALESCE_H
#define HW_VIRTIO_VIRTIO_COALESCE_H

#include "hw/pci/msi.h"
#include "hw/virtio/virtio.h"
#include "qemu/queue.h"
#include "qom/object.h"

struct coop_slice_facts;

typedef struct VirtIOCoalesce VirtIOCoalesce;

/*
 * What the user chose for a device. Written with the BQL held, also while the
 * VM runs, and read by the queues' AioContexts: use qatomic_read().
 */
typedef struct VirtIOCoalesceConf {
    int policy;                 /* enum coop_coalesce_policy, 0 is off */
    int urgent;                 /* OnOffAuto */
    uint32_t inflight, iops, rate_hz, epoch_ms, max_us, cutoff_us;
    QLIST_HEAD(, VirtIOCoalesce) queues;
} VirtIOCoalesceConf;

/* Add the coalesce* properties; the configuration is at @conf_offset. */
void virtio_coalesce_class_init(ObjectClass *oc, size_t conf_offset);
void virtio_coalesce_conf_init(VirtIOCoalesceConf *conf);

/*
 * @vq completes in @ctx and is of @vdev, which is on its bus. @stream: its
 * completions come unasked, like packets. @opposite: the queue of the other
 * direction, handled in @ctx too; or NULL. Freed with the queue. BQL held.
 */
void virtio_coalesce_attach(VirtIODevice *vdev, VirtQueue *vq,
                            VirtIOCoalesceConf *conf, AioContext *ctx,
                            bool stream, VirtQueue *opposite);

/*
 * What the accelerator knows of the vCPU that takes an interrupt, and can be
 * told. Called in any AioContext, without the BQL; must not block.
 */
typedef struct VirtIOCoalesceHost {
    /* Fill @facts; they are zeroed, that is invalid, before. */
    void (*get_facts)(const MSIMessage *msg, struct coop_slice_facts *facts);
    /* This interrupt is, or is no more, worth no boost. */
    void (*set_bulk)(const MSIMessage *msg, bool bulk);
} VirtIOCoalesceHost;

/* NULL, as at the start: nothing is known about time slices. */
void virtio_coalesce_set_host(const VirtIOCoalesceHost *host);

/* For virtio.c. All take NULL for a queue that was not attached. */

/*
 * A completion is in the ring and @inflight requests are not: shall the guest
 * be notified later? virtio_queue_notify_guest() is called in time.
 */
bool virtio_coalesce_hold(VirtIOCoalesce *c, unsigned int inflight);

/*
 * Notify now of what is held, and wait for the timer and for notifications
 * that are put off. The queue's AioContext completes nothing any more. BQL
 * held.
 */
void virtio_coalesce_flush(VirtIOCoalesce *c);

/* The ring is gone: forget what is held. BQL held. */
void virtio_coalesce_reset(VirtIOCoalesce *c);

/* Free. After a flush or a reset, and before @c's device is gone. BQL held. */
void virtio_coalesce_detach(VirtIOCoalesce *c);

/* In virtio.c: the queue's VirtIOCoalesce, and the notification itself. */
void virtio_queue_set_coalesce(VirtQueue *vq, VirtIOCoalesce *c);
void virtio_queue_notify_guest(VirtQueue *vq);

#endif
