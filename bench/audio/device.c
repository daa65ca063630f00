// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/audio/device.h"
#include "lab/lib/proc.h"

/* Above all else on this pCPU: a device is not late because QEMU works. */
#define FIFO_PRIORITY 90
#define POLL_NS 1000000

int device_open(struct device *d, const char *name)
{
	int fd;

	*d = (struct device){ .runs = false };
	snprintf(d->path, sizeof(d->path), "/dev/shm/%s.audio", name);
	fd = open(d->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	d->ring = fd < 0 || ftruncate(fd, AUDIO_RING_BYTES) ?
			  MAP_FAILED :
			  mmap(NULL, AUDIO_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (d->ring == MAP_FAILED)
		fprintf(stderr, "coop: cannot make %s: %s\n", d->path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (d->ring != MAP_FAILED)
		return 0;
	d->ring = NULL;
	return -1;
}

void device_close(struct device *d)
{
	if (!d->ring)
		return;
	device_stop(d);
	munmap(d->ring, AUDIO_RING_BYTES);
	unlink(d->path);
	d->ring = NULL;
}

enum device_state device_state(const struct device *d)
{
	return (enum device_state)__atomic_load_n(&d->state, __ATOMIC_ACQUIRE);
}

static void set_state(struct device *d, enum device_state state)
{
	__atomic_store_n(&d->state, state, __ATOMIC_RELEASE);
}

static bool quits(const struct device *d)
{
	return __atomic_load_n(&d->quit, __ATOMIC_RELAXED);
}

static void sleep_until(long long ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static bool guest_started(struct device *d)
{
	while (!quits(d)) {
		if (__atomic_load_n(&d->ring->started, __ATOMIC_ACQUIRE))
			return true;
		sleep_until(proc_now_ns() + POLL_NS);
	}
	return false;
}

static long long guest_callbacks(const struct device *d)
{
	return __atomic_load_n(&d->ring->callbacks, __ATOMIC_RELAXED);
}

static void measure_begin(struct device *d)
{
	glitch_restart(&d->detector);
	d->misses = 0;
	d->xruns = 0;
	d->late_ns = 0;
	d->callbacks = guest_callbacks(d);
	set_state(d, DEVICE_MEASURES);
}

/* A guest may say any number. */
static void measure_end(struct device *d)
{
	long long n = guest_callbacks(d) - d->callbacks;

	d->callbacks = n < 0 ? 0 : n;
	__atomic_store_n(&d->ring->stop, 1, __ATOMIC_RELEASE);
	set_state(d, DEVICE_ENDED);
}

/* Burst K: at its time, what is there. */
static void take(struct device *d, int k)
{
	uint64_t glitches = d->detector.glitches;
	int16_t burst[AUDIO_FRAMES_MAX];

	d->xruns += !audio_ring_take(d->ring, k, burst, d->frames);
	glitch_feed(&d->detector, burst, d->frames);
	if (d->detector.glitches > glitches && k >= d->warm && d->misses < DEVICE_MISSES_MAX)
		d->misses_ms[d->misses++] = audio_burst_ns(k - d->warm, d->frames, d->rate) / 1e6;
}

static void *play(void *arg)
{
	struct device *d = arg;
	long long start;

	if (!guest_started(d))
		return NULL;
	set_state(d, DEVICE_WARM);
	start = proc_now_ns() + audio_burst_ns(1, d->frames, d->rate);
	for (int k = 0; k < d->warm + d->bursts && !quits(d); k++) {
		long long due = start + audio_burst_ns(k, d->frames, d->rate), late;

		sleep_until(due);
		late = proc_now_ns() - due;
		if (k == d->warm)
			measure_begin(d);
		if (late > d->late_ns)
			d->late_ns = late;
		take(d, k);
	}
	measure_end(d);
	return NULL;
}

int device_start(struct device *d, int frames, int rate, int warm, int bursts)
{
	struct sched_param param = { .sched_priority = FIFO_PRIORITY };
	pthread_attr_t attr;
	int ret;

	d->frames = frames;
	d->rate = rate;
	d->warm = warm;
	d->bursts = bursts;
	d->quit = false;
	set_state(d, DEVICE_WAITS);
	glitch_init(&d->detector);
	audio_ring_reset(d->ring);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	ret = pthread_create(&d->thread, &attr, play, d);
	pthread_attr_destroy(&attr);
	d->runs = !ret;
	if (ret)
		fprintf(stderr, "coop: cannot start the device's real-time thread: %s\n",
			strerror(ret));
	return ret ? -1 : 0;
}

void device_stop(struct device *d)
{
	if (!d->runs)
		return;
	__atomic_store_n(&d->quit, true, __ATOMIC_RELAXED);
	pthread_join(d->thread, NULL);
	d->runs = false;
}
