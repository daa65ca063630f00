// SPDX-License-Identifier: GPL-2.0
/*
 * Runs in a guest as a job of its PID 1: renders a sine into the memory that it shares with the
 * device, one burst per callback of a real-time thread, until the device has had enough. What
 * became of it is measured on the other side.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench/lib/audioring.h"
#include "bench/lib/glitch.h"
#include "bench/lib/histrecord.h"
#include "lab/lib/proc.h"

#define FIFO_PRIORITY 80
#define STALL_NS 30000000000ll
#define POLL_NS 100000
#define HOGS_MAX 64

/*
 * The device's time is known only from the bursts it has taken. The schedule creeps ahead, and
 * falls back when a callback comes before the device: so it begins shortly after a burst was
 * taken, however fast the two clocks are.
 */
#define CREEP 8192
#define FALL_BACK 64

struct options {
	int frames, rate, buffer, hogs, warm, bursts, force;
};

enum forced { FORCED_WRONG, FORCED_SKIP, FORCED_LATE, FORCED_KINDS };

struct player {
	const struct options *o;
	struct audio_ring *ring;
	int16_t table[SINE_PERIOD];
	unsigned int phase;
	int16_t burst[AUDIO_FRAMES_MAX];
	uint64_t written, callbacks;
	int forced; /* glitches made */
	uint32_t *late_us; /* of each callback that was measured: how long after its time it came */
	int measured;
	long long period_ns;
};

static const char usage[] =
	"usage: coop-guest-audio [OPTION...]   runs in a guest with an ivshmem-plain device\n"
	"  --frames N          of a burst, 16 to 512 (256)\n"
	"  --rate HZ           frames per second, 6000 to 48000 (48000)\n"
	"  --buffer N          bursts, 1 to 8 (2)\n"
	"  --hogs N            busy loops at normal priority (0)\n"
	"  --warm N            bursts before the measurement (0)\n"
	"  --bursts N          of the measurement, for --force (1)\n"
	"  --force N           glitches to make, evenly in the measurement (0)\n";

static const struct option long_options[] = {
	{ "frames", required_argument, NULL, 'f' },
	{ "rate", required_argument, NULL, 'r' },
	{ "buffer", required_argument, NULL, 'b' },
	{ "hogs", required_argument, NULL, 'g' },
	{ "warm", required_argument, NULL, 'w' },
	{ "bursts", required_argument, NULL, 'n' },
	{ "force", required_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct options *o = arg;

	switch (opt) {
	case 'f':
		return proc_option_number("frames", optarg, 16, AUDIO_FRAMES_MAX, &o->frames);
	case 'r':
		return proc_option_number("rate", optarg, AUDIO_RATE_LEAST, AUDIO_RATE, &o->rate);
	case 'b':
		return proc_option_number("buffer", optarg, 1, AUDIO_BUFFER_MAX, &o->buffer);
	case 'g':
		return proc_option_number("hogs", optarg, 0, HOGS_MAX, &o->hogs);
	case 'w':
		return proc_option_number("warm", optarg, 0, 1000000, &o->warm);
	case 'n':
		return proc_option_number("bursts", optarg, 1, 100000000, &o->bursts);
	case 'F':
		return proc_option_number("force", optarg, 0, 100000, &o->force);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return -1;
}

/* A number of a device's sysfs file, or -1. */
static long read_id(const char *device, const char *file)
{
	char path[400], *text;
	long id = -1;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device, file);
	text = proc_read_file(path, NULL);
	if (text)
		id = strtol(text, NULL, 16);
	free(text);
	return id;
}

static struct audio_ring *map_bar(const char *device)
{
	struct audio_ring *ring;
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", device);
	proc_write_file(path, "1");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource%d", device, AUDIO_PCI_BAR);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ring = fd < 0 ? MAP_FAILED :
			mmap(NULL, AUDIO_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		fprintf(stderr, "coop: cannot map %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ring == MAP_FAILED ? NULL : ring;
}

static struct audio_ring *open_ring(void)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	struct audio_ring *ring = NULL;
	bool found = false;
	struct dirent *e;

	while (dir && !found && (e = readdir(dir))) {
		found = read_id(e->d_name, "vendor") == AUDIO_PCI_VENDOR &&
			read_id(e->d_name, "device") == AUDIO_PCI_DEVICE;
		if (found)
			ring = map_bar(e->d_name);
	}
	if (dir)
		closedir(dir);
	if (!found)
		fprintf(stderr, "coop: this guest has no ivshmem device: run coop-bench-audio\n");
	return ring;
}

static void sleep_until(long long ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static uint64_t taken(const struct player *p)
{
	return __atomic_load_n(&p->ring->taken, __ATOMIC_ACQUIRE);
}

static bool stopped(const struct player *p)
{
	return __atomic_load_n(&p->ring->stop, __ATOMIC_ACQUIRE);
}

/* The glitch that is due in the burst that comes next, or FORCED_KINDS. */
static enum forced due(const struct player *p)
{
	uint64_t at = p->o->warm + (uint64_t)p->o->bursts * (p->forced + 1) / (p->o->force + 1);

	return p->forced < p->o->force && p->written >= at ?
		       (enum forced)(p->forced % FORCED_KINDS) :
		       FORCED_KINDS;
}

/* In private memory first: a guest's mapping of a BAR is not cached. */
static void render(struct player *p, enum forced forced)
{
	int16_t *slot = p->ring->slot[p->written % AUDIO_SLOTS];
	int frames = p->o->frames;

	for (int i = 0; i < frames; i++) {
		p->burst[i] = p->table[p->phase];
		p->phase = p->phase + 1 < SINE_PERIOD ? p->phase + 1 : 0;
	}
	if (forced == FORCED_WRONG)
		p->burst[frames / 2] = ~p->burst[frames / 2];
	else if (forced == FORCED_SKIP)
		p->phase = (p->phase + 1) % SINE_PERIOD;
	memcpy(slot, p->burst, frames * sizeof(*slot));
	__atomic_store_n(&p->ring->callbacks, ++p->callbacks, __ATOMIC_RELAXED);
	__atomic_store_n(&p->ring->written, ++p->written, __ATOMIC_RELEASE);
}

/* Fill the buffer. Bursts whose time is past are not made up for: the device has played silence. */
static int callback(struct player *p)
{
	int n = 0;

	for (; taken(p) + p->o->buffer > p->written; n++) {
		enum forced forced = due(p);

		p->forced += forced < FORCED_KINDS;
		if (forced == FORCED_LATE)
			sleep_until(proc_now_ns() + (p->o->buffer + 2) * p->period_ns);
		if (taken(p) > p->written)
			p->written = taken(p);
		render(p, forced);
	}
	return n;
}

/* A callback renders a burst; to look for the device and find the buffer full is none. */
static void note_lateness(struct player *p, long long ns)
{
	if (p->written > (uint64_t)p->o->warm && p->measured < p->o->bursts)
		p->late_us[p->measured++] = ns > 0 ? ns / 1000 : 0;
}

static int play(struct player *p)
{
	long long next = proc_now_ns(), last = next;

	while (!stopped(p)) {
		long long now, late;
		int n;

		sleep_until(next);
		late = proc_now_ns() - next;
		n = callback(p);
		now = proc_now_ns();
		if (n)
			note_lateness(p, late);
		last = n ? now : last;
		next += n ? p->period_ns - p->period_ns / CREEP : p->period_ns / FALL_BACK;
		if (now > next + p->period_ns)
			next += (now - next) / p->period_ns * p->period_ns;
		if (now - last > STALL_NS) {
			fprintf(stderr, "coop: the device has taken nothing for 30 s\n");
			return -1;
		}
	}
	return 0;
}

/* Until the device has taken the first burst. */
static int start(struct player *p)
{
	long long limit = proc_now_ns() + STALL_NS;

	callback(p);
	__atomic_store_n(&p->ring->started, 1, __ATOMIC_RELEASE);
	while (!taken(p)) {
		if (proc_now_ns() > limit) {
			fprintf(stderr, "coop: the device does not start\n");
			return -1;
		}
		sleep_until(proc_now_ns() + POLL_NS);
	}
	return 0;
}

/* After the measurement: to count meanwhile would touch memory that is new to a real-time task. */
static int send_lateness(const struct player *p)
{
	struct hist h;
	int ret = 0;

	hist_init(&h);
	for (int i = 0; i < p->measured && !ret; i++)
		ret = hist_add(&h, p->late_us[i]);
	if (!ret)
		ret = hist_send(record_fd(), "lateness.hist", &h);
	hist_free(&h);
	return ret;
}

static int start_hogs(int n)
{
	for (int i = 0; i < n; i++)
		if (proc_start_hog() < 0)
			return -1;
	return 0;
}

static int become_realtime(void)
{
	struct sched_param param = { .sched_priority = FIFO_PRIORITY };

	if (!mlockall(MCL_CURRENT | MCL_FUTURE) && !sched_setscheduler(0, SCHED_FIFO, &param))
		return 0;
	fprintf(stderr, "coop: cannot become a real-time task: %s\n", strerror(errno));
	return -1;
}

int main(int argc, char **argv)
{
	struct options o = { .frames = 256, .rate = AUDIO_RATE, .buffer = 2, .bursts = 1 };
	struct player p = { .o = &o };
	int ret;

	ret = proc_options(argc, argv, long_options, set_option, &o);
	if (ret)
		return ret < 0 ? 2 : 0;
	p.ring = open_ring();
	p.period_ns = audio_burst_ns(1, o.frames, o.rate);
	sine_table(p.table);
	p.late_us = calloc(o.bursts, sizeof(*p.late_us));
	if (!p.ring || !p.late_us || start_hogs(o.hogs) || become_realtime() || start(&p) ||
	    play(&p) || send_lateness(&p))
		return 1;
	printf("%llu bursts, %d glitches made\n", (unsigned long long)p.written, p.forced);
	return 0;
}
