// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop: threads of the VMM that work for the guest. What they use is the
 * VM's, and only theirs is limited.
 */
#include <sys/wait.h>

#include "coop_test.h"

#define IO_CPU		0
#define VCPU_CPU	1
#define ROUND_MS	2000

FIXTURE(io) {
	struct kvm_coop_config config;
	struct kvm_vcpu *vcpus[2];
	struct coop_hog worker;
	struct kvm_vm *vm;
	int stats;
};

FIXTURE_SETUP(io)
{
	COOP_REQUIRE();
	__TEST_REQUIRE(sysconf(_SC_NPROCESSORS_ONLN) >= 2, "one CPU only");
	self->config = coop_config(KVM_COOP_POLICY_RT);
	coop_hog_start(&self->worker, IO_CPU);
}

FIXTURE_TEARDOWN(io)
{
	kvm_vm_free(self->vm);
}

static void make_vm(struct _test_data_io *self)
{
	self->vm = coop_vm(&self->config, 2, self->vcpus);
}

static int io_errno(struct kvm_vm *vm, uint64_t tid, uint64_t what)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_COOP_IO_THREAD,
		.args = { tid, what },
	};

	return __vm_ioctl(vm, KVM_ENABLE_CAP, &cap) ? errno : 0;
}

/* Parts per thousand of a CPU that the worker uses. */
static uint64_t worker_share(struct __test_metadata *_metadata,
			     struct _test_data_io *self)
{
	uint64_t used = coop_cpu_ns(self->worker.clock);
	uint64_t wall = coop_now_ns();

	usleep(ROUND_MS * 1000);
	wall = coop_now_ns() - wall;
	used = coop_cpu_ns(self->worker.clock) - used;
	TH_LOG("worker: %lu of 1000", used * 1000 / wall);
	return used * 1000 / wall;
}

/*
 * A stall of the machine counts as the worker's time and is paid back by a pause:
 * one window of a few has to be right.
 */
static bool worker_soon_has(struct __test_metadata *_metadata,
			    struct _test_data_io *self, uint64_t least,
			    uint64_t most)
{
	uint64_t share;
	int i;

	for (i = 0; i < 8; i++) {
		share = worker_share(_metadata, self);
		if (share >= least && share <= most)
			return true;
	}
	return false;
}

/* It computes all the time: has it not, for a while? */
static bool worker_waits(struct _test_data_io *self)
{
	uint64_t used = coop_cpu_ns(self->worker.clock);

	usleep(300000);
	return coop_cpu_ns(self->worker.clock) == used;
}

/* --- arguments ------------------------------------------------------------ */

TEST_F(io, arguments)
{
	pid_t tid = self->worker.tid;
	struct kvm_enable_cap cap;
	int i;

	make_vm(self);
	for (i = 0; i < 3; i++) {
		cap = (struct kvm_enable_cap) {
			.cap = KVM_CAP_COOP_IO_THREAD,
			.args = { tid, KVM_COOP_IO_THREAD_ADD },
		};
		if (i)
			cap.args[i + 1] = 1;
		else
			cap.flags = 1;
		EXPECT_EQ(-1, __vm_ioctl(self->vm, KVM_ENABLE_CAP, &cap));
		EXPECT_EQ(EINVAL, errno);
	}
	EXPECT_EQ(EINVAL, io_errno(self->vm, tid, 2));
	EXPECT_EQ(EINVAL, io_errno(self->vm, 1ULL << 32 | tid, 1));
	EXPECT_EQ(EINVAL, io_errno(self->vm, ~0ULL, 1));
	EXPECT_EQ(ESRCH, io_errno(self->vm, 0, 1));
	EXPECT_EQ(ESRCH, io_errno(self->vm, 0x7fffffff, 1));
	/* not ours */
	EXPECT_EQ(ESRCH, io_errno(self->vm, 1, 1));
	EXPECT_EQ(ESRCH, io_errno(self->vm, tid, KVM_COOP_IO_THREAD_REMOVE));
	EXPECT_EQ(0, io_errno(self->vm, tid, KVM_COOP_IO_THREAD_ADD));
	EXPECT_EQ(EEXIST, io_errno(self->vm, tid, KVM_COOP_IO_THREAD_ADD));
	EXPECT_EQ(0, io_errno(self->vm, tid, KVM_COOP_IO_THREAD_REMOVE));
	EXPECT_EQ(ESRCH, io_errno(self->vm, tid, KVM_COOP_IO_THREAD_REMOVE));
	coop_hog_stop(&self->worker);
}

TEST_F(io, needs_capability)
{
	self->vm = vm_create(1);
	EXPECT_EQ(EINVAL, io_errno(self->vm, self->worker.tid,
				   KVM_COOP_IO_THREAD_ADD));
	coop_hog_stop(&self->worker);
}

static void *exit_at_once(void *tid)
{
	*(pid_t *)tid = syscall(SYS_gettid);
	return NULL;
}

static void *wait_for_end(void *arg)
{
	struct coop_hog *t = arg;

	WRITE_ONCE(t->tid, syscall(SYS_gettid));
	while (!READ_ONCE(t->stop))
		usleep(20000);
	return NULL;
}

/* As many as there may be, and again when they have exited. */
TEST_F(io, many)
{
	static struct coop_hog t[KVM_COOP_IO_THREADS_MAX + 1];
	int i, round;

	/* it would only hold up the others */
	coop_hog_stop(&self->worker);
	make_vm(self);
	for (round = 0; round < 2; round++) {
		memset(t, 0, sizeof(t));
		for (i = 0; i < ARRAY_SIZE(t); i++) {
			ASSERT_EQ(0, pthread_create(&t[i].thread, NULL,
						    wait_for_end, &t[i]));
			while (!READ_ONCE(t[i].tid))
				usleep(100);
			ASSERT_EQ(i < KVM_COOP_IO_THREADS_MAX ? 0 : ENOSPC,
				  io_errno(self->vm, t[i].tid, 1));
		}
		for (i = 0; i < ARRAY_SIZE(t); i++)
			WRITE_ONCE(t[i].stop, true);
		for (i = 0; i < ARRAY_SIZE(t); i++)
			pthread_join(t[i].thread, NULL);
		/* a joined thread may be on its last instructions */
		usleep(100000);
	}
}

TEST_F(io, thread_gone)
{
	pthread_t thread;
	pid_t tid;

	make_vm(self);
	ASSERT_EQ(0, pthread_create(&thread, NULL, exit_at_once, &tid));
	pthread_join(thread, NULL);
	EXPECT_TRUE(coop_wait(io_errno(self->vm, tid, 1) == ESRCH, 1000));
	coop_hog_stop(&self->worker);
}

/* --- account and limit ---------------------------------------------------- */

/* ns that a vCPU which always asks is boosted within a round. */
static uint64_t boosted_ns(struct __test_metadata *_metadata,
			   struct _test_data_io *self, bool with_worker)
{
	struct coop_thread t = { .vcpu = self->vcpus[0], .cpu = VCPU_CPU };
	struct coop_hog hog;
	uint64_t used;
	int what = with_worker ? KVM_COOP_IO_THREAD_ADD :
				 KVM_COOP_IO_THREAD_REMOVE;

	EXPECT_EQ(with_worker ? 0 : ESRCH,
		  io_errno(self->vm, self->worker.tid, what));
	coop_hog_start(&hog, VCPU_CPU);
	coop_thread_start(&t, guest_ask, KVM_COOP_INTENT_RT);
	/* what was saved up is gone then */
	usleep(500000);
	used = coop_read_stat(self->stats, "coop_boosted_ns");
	usleep(ROUND_MS * 1000);
	used = coop_read_stat(self->stats, "coop_boosted_ns") - used;
	coop_thread_stop(&t);
	coop_hog_stop(&hog);
	TH_LOG("boosted: %lu ms", used / 1000000);
	return used;
}

/* The VM may have 0.5 CPUs of boosts; its worker takes a whole one. */
TEST_F(io, account)
{
	self->config.flags = KVM_COOP_CONFIG_NO_CHARGE;
	self->config.rt_rate_permille = 900;
	self->config.vm_rt_rate_permille = 500;
	make_vm(self);
	coop_register(self->vcpus[0]);
	self->stats = vcpu_get_stats_fd(self->vcpus[0]);
	coop_pin(VCPU_CPU);
	EXPECT_LT(ROUND_MS * COOP_MS / 4, boosted_ns(_metadata, self, false));
	EXPECT_GT(ROUND_MS * COOP_MS / 20, boosted_ns(_metadata, self, true));
	close(self->stats);
	coop_hog_stop(&self->worker);
}

TEST_F(io, no_limit)
{
	make_vm(self);
	coop_pin(VCPU_CPU);
	EXPECT_EQ(0, io_errno(self->vm, self->worker.tid, 1));
	EXPECT_LE(800, worker_share(_metadata, self));
	coop_hog_stop(&self->worker);
}

TEST_F(io, limit)
{
	self->config.io_rate_permille = 200;
	make_vm(self);
	coop_pin(VCPU_CPU);
	EXPECT_TRUE(worker_soon_has(_metadata, self, 800, 2000));
	EXPECT_EQ(0, io_errno(self->vm, self->worker.tid, 1));
	usleep(200000);
	EXPECT_TRUE(worker_soon_has(_metadata, self, 100, 250));
	EXPECT_EQ(0, io_errno(self->vm, self->worker.tid, 0));
	EXPECT_TRUE(worker_soon_has(_metadata, self, 800, 2000));
	coop_hog_stop(&self->worker);
}

/* A pause that would last for most of a minute. */
static void pause_worker(struct __test_metadata *_metadata,
			 struct _test_data_io *self)
{
	self->config.io_rate_permille = 1;
	self->config.io_burst_us = 200000;
	make_vm(self);
	coop_pin(VCPU_CPU);
	EXPECT_EQ(0, io_errno(self->vm, self->worker.tid, 1));
	EXPECT_TRUE(coop_wait(worker_waits(self), 10000));
}

static void expect_worker_goes_on(struct __test_metadata *_metadata,
				  struct _test_data_io *self)
{
	uint64_t used = coop_cpu_ns(self->worker.clock);

	EXPECT_TRUE(coop_wait(coop_cpu_ns(self->worker.clock) > used, 5000));
	coop_hog_stop(&self->worker);
}

TEST_F(io, removal_ends_pause)
{
	pause_worker(_metadata, self);
	EXPECT_EQ(0, io_errno(self->vm, self->worker.tid, 0));
	expect_worker_goes_on(_metadata, self);
}

/* The VM goes, its VMM's threads stay. */
TEST_F(io, vm_end_ends_pause)
{
	pause_worker(_metadata, self);
	kvm_vm_free(self->vm);
	self->vm = NULL;
	expect_worker_goes_on(_metadata, self);
}

/* A limit of this VM is none of another one. */
TEST_F(io, limit_is_per_vm)
{
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *other;
	struct coop_hog hog;

	self->config.io_rate_permille = 100;
	make_vm(self);
	self->config.io_rate_permille = 0;
	other = coop_vm(&self->config, 2, vcpus);
	coop_pin(VCPU_CPU);
	coop_hog_start(&hog, VCPU_CPU);
	EXPECT_EQ(0, io_errno(self->vm, hog.tid, 1));
	EXPECT_EQ(0, io_errno(other, self->worker.tid, 1));
	EXPECT_LE(800, worker_share(_metadata, self));
	coop_hog_stop(&hog);
	coop_hog_stop(&self->worker);
	kvm_vm_free(other);
}

/* A VM that goes away in the middle of it, and a paused process that is killed. */
TEST_F(io, killed)
{
	int status;
	pid_t child;

	coop_hog_stop(&self->worker);
	child = fork();
	if (!child) {
		self->config.io_rate_permille = 1;
		self->config.io_burst_us = 1000;
		make_vm(self);
		coop_pin(IO_CPU);
		io_errno(self->vm, syscall(SYS_gettid), 1);
		for (;;)
			;
	}
	usleep(1000000);
	kill(child, SIGKILL);
	EXPECT_TRUE(coop_wait(waitpid(child, &status, WNOHANG) == child, 5000));
	make_vm(self);
}

TEST_HARNESS_MAIN
