/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kvm-coop tests share: VMs with the feature, guest functions called
 * one at a time from the host, vCPU threads, and the class of a thread as
 * seen by others.
 */
#ifndef SELFTEST_KVM_COOP_TEST_H
#define SELFTEST_KVM_COOP_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/kvm_coop.h>
#include <linux/kvm_para.h>

#include "apic.h"
#include "kselftest_harness.h"
#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"

/* A debug kernel in an emulator is a hundred times slower than hardware. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

#define X86_FEATURE_KVM_COOP						\
	KVM_X86_CPU_FEATURE(0x40000001, 0, EAX, KVM_FEATURE_COOP)

/* The guest memory that the tests look at; mapped 1:1 in the guest. */
#define COOP_SLOT	10
#define COOP_GPA	0x40000000ULL
#define COOP_PAGES	4
#define COOP_VCPUS	4

/* Not at the start of a 4K page: neighbours must stay as they are. */
#define COOP_PAGE_OFFSET	0x300

#define COOP_VECTOR	0xe1

/* One page per vCPU through which host and guest talk about the test. */
struct coop_ctl {
	/* guest function to call, its argument; its results */
	void (*fn)(int id, uint64_t arg);
	uint64_t arg;
	uint64_t value;
	uint64_t vector;
	/* host: end a loop; guest: progress; both with READ_ONCE() and so on */
	uint32_t stop;
	uint32_t step;
	uint64_t irqs;
};

static inline uint64_t coop_area(int id)
{
	return COOP_GPA + id * COOP_PAGES * PAGE_SIZE;
}

/* Each vCPU has two places for its page, to move between. */
static inline uint64_t coop_page_gpa(int id, int which)
{
	return coop_area(id) + (1 + which) * PAGE_SIZE + COOP_PAGE_OFFSET;
}

static inline uint64_t coop_count_gpa(int id)
{
	return coop_area(id) + 3 * PAGE_SIZE;
}

/* --- guest side ----------------------------------------------------------- */

static inline struct coop_ctl *guest_ctl(int id)
{
	return (struct coop_ctl *)coop_area(id);
}

static inline struct kvm_coop_page *guest_page(int id)
{
	return (struct kvm_coop_page *)coop_page_gpa(id, 0);
}

static inline uint32_t *guest_count(int id)
{
	return (uint32_t *)coop_count_gpa(id);
}

static inline void guest_main(int id)
{
	struct coop_ctl *ctl = guest_ctl(id);

	for (;;) {
		ctl->fn(id, ctl->arg);
		GUEST_SYNC(id);
	}
}

static inline void guest_wrmsr(int id, uint64_t value)
{
	guest_ctl(id)->vector = wrmsr_safe(MSR_KVM_COOP, value);
}

static inline void guest_rdmsr(int id, uint64_t unused)
{
	struct coop_ctl *ctl = guest_ctl(id);

	ctl->vector = rdmsr_safe(MSR_KVM_COOP, &ctl->value);
}

static inline void guest_yield(int id, uint64_t flags)
{
	guest_ctl(id)->value = kvm_hypercall(KVM_HC_COOP_YIELD, flags, 0, 0, 0);
}

static inline void guest_nothing(int id, uint64_t unused)
{
}

/* Use CPU time with this intent until told to stop. */
static inline void guest_ask(int id, uint64_t intent)
{
	struct coop_ctl *ctl = guest_ctl(id);

	WRITE_ONCE(guest_page(id)->guest.intent, intent);
	while (!READ_ONCE(ctl->stop))
		asm volatile("pause");
}

/*
 * Interrupts are on only within single asm statements that first step over
 * the red zone, since test guests take interrupts on the stack they run on.
 */
static inline void guest_irq_window(void)
{
	asm volatile("sub $128, %%rsp; sti; nop; cli; add $128, %%rsp"
		     : : : "memory", "cc");
}

static inline void guest_halt(void)
{
	asm volatile("sub $128, %%rsp; sti; hlt; cli; add $128, %%rsp"
		     : : : "memory", "cc");
}

/* --- host side ------------------------------------------------------------ */

static inline struct coop_ctl *host_ctl(struct kvm_vm *vm, int id)
{
	return addr_gpa2hva(vm, coop_area(id));
}

static inline struct kvm_coop_page *host_page(struct kvm_vm *vm, int id)
{
	return addr_gpa2hva(vm, coop_page_gpa(id, 0));
}

static inline uint32_t *host_count(struct kvm_vm *vm, int id)
{
	return addr_gpa2hva(vm, coop_count_gpa(id));
}

static inline int coop_enable(struct kvm_vm *vm,
			      const struct kvm_coop_config *config)
{
	return __vm_enable_cap(vm, KVM_CAP_COOP, (uint64_t)config);
}

static inline struct kvm_coop_config coop_config(uint32_t policy)
{
	return (struct kvm_coop_config) {
		.size = sizeof(struct kvm_coop_config),
		.policy = policy,
		.features = KVM_COOP_F_IRQ | KVM_COOP_F_RT | KVM_COOP_F_OBSERVE |
			    KVM_COOP_F_TIMER,
	};
}

/* What a well-behaved guest writes before it registers. */
static inline void coop_page_init(struct kvm_coop_page *page)
{
	memset(page, 0, sizeof(*page));
	page->setup.abi_version = KVM_COOP_ABI_VERSION;
	page->setup.size = sizeof(*page);
	page->setup.features = KVM_COOP_F_ALL;
	memset(page->guest.urgent, 0xff, sizeof(page->guest.urgent));
}

static inline void coop_add_memory(struct kvm_vm *vm, int vcpus)
{
	int npages = vcpus * COOP_PAGES, i;

	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, COOP_GPA,
				    COOP_SLOT, npages, 0);
	for (i = 0; i < vcpus; i++)
		coop_page_init(host_page(vm, i));
}

static inline struct kvm_vcpu *coop_add_vcpu(struct kvm_vm *vm, int id)
{
	struct kvm_vcpu *vcpu = vm_vcpu_add(vm, id, guest_main);

	vcpu_set_cpuid_feature(vcpu, X86_FEATURE_KVM_COOP);
	vcpu_args_set(vcpu, 1, id);
	return vcpu;
}

/* A VM, with the feature unless @config is NULL, its memory and vCPUs. */
static inline struct kvm_vm *coop_vm(const struct kvm_coop_config *config,
				     int nr, struct kvm_vcpu **vcpus)
{
	struct kvm_vm *vm = vm_create(nr);
	int i;

	if (config)
		TEST_ASSERT(!coop_enable(vm, config), "KVM_CAP_COOP: %s",
			    strerror(errno));
	coop_add_memory(vm, nr);
	virt_map(vm, COOP_GPA, COOP_GPA, nr * COOP_PAGES);
	for (i = 0; i < nr; i++)
		vcpus[i] = coop_add_vcpu(vm, i);
	return vm;
}

/* To vCPU 0, from any thread, as a device's completion. */
static inline void coop_send_msi(struct kvm_vm *vm)
{
	struct kvm_msi msi = {
		.address_lo = APIC_DEFAULT_GPA,
		.data = COOP_VECTOR,
	};

	TEST_ASSERT(__vm_ioctl(vm, KVM_SIGNAL_MSI, &msi) > 0, "KVM_SIGNAL_MSI");
}

typedef void (*coop_guest_fn)(int id, uint64_t arg);

/*
 * Run @fn in the guest until it returns. Its results are in the ctl page.
 * False if a signal ended it before; the next call goes on with it.
 */
static inline bool coop_run(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	if (__vcpu_run(vcpu)) {
		TEST_ASSERT(errno == EINTR, "KVM_RUN: %s", strerror(errno));
		return false;
	}
	switch (get_ucall(vcpu, &uc)) {
	case UCALL_SYNC:
		return true;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
		return false;
	default:
		TEST_FAIL("exit reason %s", exit_reason_str(vcpu->run->exit_reason));
		return false;
	}
}

static inline void coop_prepare(struct kvm_vcpu *vcpu, coop_guest_fn fn,
				uint64_t arg)
{
	struct coop_ctl *ctl = host_ctl(vcpu->vm, vcpu->id);

	ctl->fn = fn;
	ctl->arg = arg;
	ctl->stop = 0;
	ctl->step = 0;
}

static inline struct coop_ctl *coop_call(struct kvm_vcpu *vcpu,
					 coop_guest_fn fn, uint64_t arg)
{
	coop_prepare(vcpu, fn, arg);
	TEST_ASSERT(coop_run(vcpu), "interrupted by a signal");
	return host_ctl(vcpu->vm, vcpu->id);
}

/* The vector of the exception that the guest's WRMSR raised, 0 for none. */
static inline int coop_wrmsr(struct kvm_vcpu *vcpu, uint64_t value)
{
	return coop_call(vcpu, guest_wrmsr, value)->vector;
}

static inline uint64_t coop_rdmsr(struct kvm_vcpu *vcpu)
{
	struct coop_ctl *ctl = coop_call(vcpu, guest_rdmsr, 0);

	TEST_ASSERT(!ctl->vector, "RDMSR raised %lu", ctl->vector);
	return ctl->value;
}

static inline void coop_register(struct kvm_vcpu *vcpu)
{
	uint64_t value = coop_page_gpa(vcpu->id, 0) | KVM_COOP_MSR_ENABLE;
	int vector = coop_wrmsr(vcpu, value);

	TEST_ASSERT(!vector, "registration raised %d", vector);
}

/* The sum of all elements. Possible while the vCPU runs; getting @fd is not. */
static inline uint64_t coop_read_stat(int fd, const char *name)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *all, *desc;
	uint64_t values[64], sum = 0;
	bool found = false;
	int i, j;

	read_stats_header(fd, &header);
	all = read_stats_descriptors(fd, &header);
	for (i = 0; i < header.num_desc && !found; i++) {
		desc = get_stats_descriptor(all, i, &header);
		found = !strcmp(desc->name, name);
		if (!found)
			continue;
		read_stat_data(fd, &header, desc, values, ARRAY_SIZE(values));
		for (j = 0; j < min_t(int, desc->size, ARRAY_SIZE(values)); j++)
			sum += values[j];
	}
	TEST_ASSERT(found, "there is no statistic '%s'", name);
	free(all);
	return sum;
}

static inline uint64_t coop_stat(struct kvm_vcpu *vcpu, const char *name)
{
	int fd = vcpu_get_stats_fd(vcpu);
	uint64_t value = coop_read_stat(fd, name);

	close(fd);
	return value;
}

/* --- module parameters ---------------------------------------------------- */

#define COOP_PARAMETERS	"/sys/module/kvm/parameters/"

static inline void coop_set_parameter(const char *name, const char *value)
{
	size_t length = strlen(value);
	char path[100];
	int fd;

	snprintf(path, sizeof(path), COOP_PARAMETERS "%s", name);
	fd = open(path, O_WRONLY);
	TEST_ASSERT(fd >= 0 && write(fd, value, length) == length,
		    "%s cannot be set: %s", path, strerror(errno));
	close(fd);
}

static inline void coop_switch(bool on)
{
	coop_set_parameter("coop", on ? "1" : "0");
}

#define COOP_REQUIRE()							\
	__TEST_REQUIRE(kvm_has_cap(KVM_CAP_COOP),			\
		       "KVM_CAP_COOP is missing: boot with kvm.coop=1")

/* --- threads -------------------------------------------------------------- */

/* As in uapi/linux/sched/types.h, which newer C libraries define as well. */
struct coop_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
};

static inline struct coop_sched_attr coop_getattr(pid_t tid)
{
	struct coop_sched_attr attr = { };

	TEST_ASSERT(!syscall(SYS_sched_getattr, tid, &attr, sizeof(attr), 0),
		    "sched_getattr(%d): %s", tid, strerror(errno));
	return attr;
}

static inline void coop_setattr(pid_t tid, struct coop_sched_attr attr)
{
	attr.size = sizeof(attr);
	TEST_ASSERT(!syscall(SYS_sched_setattr, tid, &attr, 0),
		    "sched_setattr(%d): %s", tid, strerror(errno));
}

static inline uint64_t coop_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

#define COOP_MS	1000000ULL

static inline uint64_t coop_median(uint64_t a, uint64_t b, uint64_t c)
{
	return max(min(a, b), min(max(a, b), c));
}

/*
 * Wait for a condition, looking as often as possible: a boost lasts some ms.
 * The value is that of the condition in the end.
 */
#define coop_wait(condition, ms)					\
({									\
	uint64_t __end = coop_now_ns() + (ms) * COOP_MS;		\
	bool __seen;							\
									\
	while (!(__seen = (condition)) && coop_now_ns() < __end)	\
		;							\
	__seen;								\
})

#define coop_wait_policy(tid, wanted, ms)				\
	coop_wait(coop_getattr(tid).policy == (wanted), ms)

static inline void coop_pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(set), &set), "no CPU %d", cpu);
}

/* A vCPU thread that runs one guest function until it returns. */
struct coop_thread {
	struct kvm_vcpu *vcpu;
	int cpu;
	/* called in the thread, before and after each KVM_RUN; may be NULL */
	void (*before)(struct coop_thread *t);
	pthread_t thread;
	pid_t tid;
	bool started;
	/* leave the guest function alone at the next signal */
	bool give_up;
	/* what the thread saw of itself after each KVM_RUN */
	uint64_t runs;
	uint64_t runs_not_fair;
	clockid_t clock;
};

/* Make KVM_RUN return so that the thread can look at itself. */
#define COOP_SIGNAL	SIGUSR1

static inline void coop_signal_handler(int sig)
{
}

static inline void *coop_thread_main(void *arg)
{
	struct coop_thread *t = arg;
	bool done;

	if (t->cpu >= 0)
		coop_pin(t->cpu);
	if (t->before)
		t->before(t);
	t->tid = syscall(SYS_gettid);
	WRITE_ONCE(t->started, true);
	do {
		done = coop_run(t->vcpu);
		t->runs++;
		if (coop_getattr(0).policy != SCHED_OTHER)
			t->runs_not_fair++;
	} while (!done && !READ_ONCE(t->give_up));
	return NULL;
}

static inline void coop_thread_start(struct coop_thread *t, coop_guest_fn fn,
				     uint64_t arg)
{
	struct sigaction sa = { .sa_handler = coop_signal_handler };

	sigaction(COOP_SIGNAL, &sa, NULL);
	t->started = false;
	t->give_up = false;
	t->runs = 0;
	t->runs_not_fair = 0;
	coop_prepare(t->vcpu, fn, arg);
	TEST_ASSERT(!pthread_create(&t->thread, NULL, coop_thread_main, t),
		    "pthread_create");
	while (!READ_ONCE(t->started))
		usleep(100);
	pthread_getcpuclockid(t->thread, &t->clock);
}

/* Ask the guest's loop to end and wait for it. */
static inline void coop_thread_stop(struct coop_thread *t)
{
	WRITE_ONCE(host_ctl(t->vcpu->vm, t->vcpu->id)->stop, 1);
	pthread_join(t->thread, NULL);
}

/* The same for a guest that does not run any more. */
static inline void coop_thread_abandon(struct coop_thread *t)
{
	WRITE_ONCE(t->give_up, true);
	pthread_kill(t->thread, COOP_SIGNAL);
	pthread_join(t->thread, NULL);
}

static inline uint64_t coop_cpu_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* A competitor: burns CPU time as an ordinary task. */
struct coop_hog {
	int cpu;
	pthread_t thread;
	pid_t tid;
	bool stop;
	clockid_t clock;
};

static inline void *coop_hog_main(void *arg)
{
	struct coop_hog *hog = arg;

	coop_pin(hog->cpu);
	WRITE_ONCE(hog->tid, syscall(SYS_gettid));
	while (!READ_ONCE(hog->stop))
		;
	return NULL;
}

static inline void coop_hog_start(struct coop_hog *hog, int cpu)
{
	hog->cpu = cpu;
	hog->tid = 0;
	hog->stop = false;
	TEST_ASSERT(!pthread_create(&hog->thread, NULL, coop_hog_main, hog),
		    "pthread_create");
	pthread_getcpuclockid(hog->thread, &hog->clock);
	while (!READ_ONCE(hog->tid))
		usleep(100);
}

static inline void coop_hog_stop(struct coop_hog *hog)
{
	WRITE_ONCE(hog->stop, true);
	pthread_join(hog->thread, NULL);
}

#endif /* SELFTEST_KVM_COOP_TEST_H */
