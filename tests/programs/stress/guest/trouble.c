// SPDX-License-Identifier: GPL-2.0
/* What a guest can do to completions that are held for it. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "tests/programs/stress/guest/stress.h"

#define VCPU_ONLINE "/sys/devices/system/cpu/cpu%d/online"
#define SWITCHED_VCPU 1
#define PLUGGED_VCPU 2
/* Of a disturbance at most, and between two. */
#define TIME_US 60000
#define PAUSE_US 1000000
/* The host takes a device away in steps; the guest has nothing of it after a while. */
#define VANISH_US 10000
#define VANISH_TRIES 500

#define PCI_CAPABILITIES 0x34
#define PCI_CAPABILITY_MSIX 0x11
#define MSIX_CONTROL 2
#define MSIX_MASK_ALL 0x4000

#define FAIL(t, ...) (snprintf((t)->why, sizeof((t)->why), __VA_ARGS__), -1)

/* A vCPU that was plugged is offline at first, and may be taken away at any time. */
static void take_on_plugged(void)
{
	char path[80];

	snprintf(path, sizeof(path), VCPU_ONLINE, PLUGGED_VCPU);
	if (!access(path, W_OK))
		proc_write_file(path, "1");
}

/* A queue's interrupt goes to another vCPU, or is masked if the queue is that vCPU's own. */
static int switch_vcpu(struct trouble *t)
{
	char path[80];

	take_on_plugged();
	snprintf(path, sizeof(path), VCPU_ONLINE, SWITCHED_VCPU);
	if (proc_write_file(path, "0"))
		return FAIL(t, "the vCPU cannot be taken off: %s", strerror(errno));
	usleep(rng_below(&t->rng, TIME_US));
	if (proc_write_file(path, "1"))
		return FAIL(t, "the vCPU cannot be taken on: %s", strerror(errno));
	t->switches++;
	return 0;
}

/* The MSI-X capability in a function's configuration space, or 0. */
static int find_msix(int fd)
{
	uint8_t at = 0, entry[2];

	if (pread(fd, &at, 1, PCI_CAPABILITIES) != 1)
		return 0;
	while (at && pread(fd, entry, 2, at) == 2) {
		if (entry[0] == PCI_CAPABILITY_MSIX)
			return at;
		at = entry[1];
	}
	return 0;
}

static int set_mask(int fd, int at, bool masked)
{
	uint16_t control;

	if (pread(fd, &control, 2, at + MSIX_CONTROL) != 2)
		return -1;
	control = masked ? control | MSIX_MASK_ALL : control & ~MSIX_MASK_ALL;
	return pwrite(fd, &control, 2, at + MSIX_CONTROL) == 2 ? 0 : -1;
}

/* Behind the driver's back, which must get everything that was pending afterwards. */
static int mask(struct trouble *t)
{
	char path[200];
	struct disk d;
	int fd = -1, at, ret;

	if (disk_find(DISK_IO, &d) && !disk_device(&d, true, path, sizeof(path) - 8)) {
		strcat(path, "/config");
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	at = fd < 0 ? 0 : find_msix(fd);
	ret = at ? set_mask(fd, at, true) : -1;
	usleep(rng_below(&t->rng, TIME_US));
	ret = ret || set_mask(fd, at, false);
	close(fd);
	t->masks += !ret;
	return ret ? FAIL(t, "the disk's MSI-X cannot be masked: %s", strerror(errno)) : 0;
}

static int gone_or_fail(struct trouble *t, const char *device, const char *what)
{
	int error = errno;

	for (int i = 0; i < VANISH_TRIES; i++) {
		if (access(device, F_OK))
			return 0;
		usleep(VANISH_US);
	}
	return FAIL(t, "%s cannot be %s: %s", strrchr(device, '/') + 1, what, strerror(error));
}

/* Its queues are disabled and reset under load, and set up again. 0 if the host was faster. */
static int rebind(struct trouble *t)
{
	bool pci = rng_below(&t->rng, 2);
	const char *driver = pci ? "/sys/bus/pci/drivers/virtio-pci" :
				   "/sys/bus/virtio/drivers/virtio_blk";
	char device[200], path[80], *name;
	struct disk d;

	if (!disk_find(DISK_SPARE, &d) || disk_device(&d, pci, device, sizeof(device)))
		return 0;
	name = strrchr(device, '/') + 1;
	snprintf(path, sizeof(path), "%s/unbind", driver);
	if (proc_write_file(path, name))
		return gone_or_fail(t, device, "unbound");
	usleep(rng_below(&t->rng, TIME_US));
	snprintf(path, sizeof(path), "%s/bind", driver);
	if (proc_write_file(path, name))
		return gone_or_fail(t, device, "bound again");
	t->unbinds++;
	return 0;
}

int trouble_round(struct trouble *t)
{
	static int (*const kinds[])(struct trouble * t) = { switch_vcpu, mask, rebind };
	int first = rng_below(&t->rng, 3);

	for (int i = 0; i < 3; i++) {
		if (kinds[(first + i) % 3](t))
			return -1;
		usleep(rng_below(&t->rng, PAUSE_US));
	}
	return 0;
}
