// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/lib/driver.h"
#include "bench/overhead/machine.h"
#include "kernel/include/uapi/linux/kvm_coop.h"
#include "lab/lib/proc.h"

#define CPUID_KVM_FEATURES 0x40000001u
#define CPUID_MAX 100
#define APIC_BASE_X2APIC 0x400
#define MSI_ADDRESS 0xfee00000u
#define MSI_DEST_SHIFT 12
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
/* Bounds for what a linger or an interrupt may last: an emulator is slow. */
#define LINGER_US 5000
#define IRQ_BOUND_US 10000
#define NOTIFY_US 2000
#define SETUP_LIMIT_MS 5000

_Static_assert(offsetof(struct guest_ctl, msr_value) == CTL_MSR_VALUE - GUEST_CTL, "guest.h");
_Static_assert(GUEST_PAGE + offsetof(struct kvm_coop_page, guest.irq_ack) == PAGE_IRQ_ACK,
	       "guest.h");
_Static_assert(GUEST_PAGE + offsetof(struct kvm_coop_page, host.irq_ticket) == PAGE_IRQ_TICKET,
	       "guest.h");
_Static_assert(GUEST_PAGE + offsetof(struct kvm_coop_page, guest.notify_ack) == PAGE_NOTIFY_ACK,
	       "guest.h");
_Static_assert(GUEST_PAGE + offsetof(struct kvm_coop_page, host.notify_seq) == PAGE_NOTIFY_SEQ,
	       "guest.h");

static int fail(struct machine *m, const char *what)
{
	snprintf(m->error, sizeof(m->error), "%s: %s", what, strerror(errno));
	return -1;
}

volatile struct guest_ctl *machine_ctl(const struct machine *m)
{
	return (volatile struct guest_ctl *)(m->mem + GUEST_CTL);
}

double machine_ns(const struct machine *m, uint32_t tsc)
{
	return tsc * 1e6 / m->tsc_khz;
}

static int enable(struct machine *m, uint32_t cap, uint64_t arg)
{
	struct kvm_enable_cap enable = { .cap = cap, .args = { arg } };

	return ioctl(m->vm, KVM_ENABLE_CAP, &enable);
}

static int enable_coop(struct machine *m)
{
	struct kvm_coop_config config = {
		.size = sizeof(config),
		.policy = KVM_COOP_POLICY_RT,
		.features = ioctl(m->vm, KVM_CHECK_EXTENSION, KVM_CAP_COOP),
		.irq_bound_us = IRQ_BOUND_US,
		.linger_us = LINGER_US,
		.notify_us = NOTIFY_US,
	};

	return enable(m, KVM_CAP_COOP, (uintptr_t)&config) ? fail(m, "KVM_CAP_COOP") : 0;
}

static int add_memory(struct machine *m)
{
	struct kvm_userspace_memory_region region = { .memory_size = GUEST_SIZE };

	void *mem =
		mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return fail(m, "mmap");
	m->mem = mem;
	region.userspace_addr = (uintptr_t)mem;
	return ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region) ? fail(m, "guest memory") : 0;
}

int machine_create(struct machine *m, bool coop)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	*m = MACHINE_NONE;
	m->coop = coop;
	if (kvm < 0)
		return fail(m, "/dev/kvm");
	m->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	m->run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	close(kvm);
	if (m->vm < 0)
		return fail(m, "KVM_CREATE_VM");
	return coop ? enable_coop(m) : 0;
}

void machine_destroy(struct machine *m)
{
	/* a routine that did not end in time goes with the process */
	if (m->entry && !m->ended)
		return;
	if (m->run)
		munmap(m->run, m->run_size);
	if (m->stats >= 0)
		close(m->stats);
	if (m->vcpu >= 0)
		close(m->vcpu);
	if (m->vm >= 0)
		close(m->vm);
	if (m->mem && !m->id)
		munmap(m->mem, GUEST_SIZE);
}

/* All that KVM can do, and kvm-coop's bit as the VM has it. */
static int set_cpuid(struct machine *m)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int ret = -1;

	if (cpuid && kvm >= 0) {
		cpuid->nent = CPUID_MAX;
		ret = ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid);
	}
	for (unsigned int i = 0; !ret && i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function != CPUID_KVM_FEATURES)
			continue;
		e->eax &= ~(1u << KVM_FEATURE_COOP);
		e->eax |= (uint32_t)m->coop << KVM_FEATURE_COOP;
	}
	if (!ret)
		ret = ioctl(m->vcpu, KVM_SET_CPUID2, cpuid);
	if (ret)
		fail(m, "CPUID");
	if (kvm >= 0)
		close(kvm);
	free(cpuid);
	return ret;
}

static struct kvm_segment segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment){ .limit = UINT32_MAX,
				     .selector = selector,
				     .type = type,
				     .present = 1,
				     .db = 1,
				     .s = 1,
				     .g = 1 };
}

/* Protected mode, flat, x2APIC. */
static int set_sregs(struct machine *m)
{
	struct kvm_sregs s;

	if (ioctl(m->vcpu, KVM_GET_SREGS, &s))
		return fail(m, "KVM_GET_SREGS");
	s.cs = segment(CODE_SELECTOR, 0xb);
	s.ds = s.es = s.fs = s.gs = s.ss = segment(DATA_SELECTOR, 0x3);
	s.gdt = (struct kvm_dtable){ .base = GUEST_GDT, .limit = 3 * 8 - 1 };
	s.idt = (struct kvm_dtable){ .base = GUEST_IDT, .limit = 256 * 8 - 1 };
	s.cr0 |= 1;
	s.apic_base |= APIC_BASE_X2APIC;
	return ioctl(m->vcpu, KVM_SET_SREGS, &s) ? fail(m, "KVM_SET_SREGS") : 0;
}

static uint32_t address_of(const char *code)
{
	return GUEST_CODE + (uint32_t)(code - guest_code);
}

/* A present 32-bit interrupt gate. */
static void set_gate(struct machine *m, unsigned int vector, const char *code)
{
	uint64_t isr = address_of(code);
	uint64_t gate = (isr & 0xffff) | CODE_SELECTOR << 16 | 0x8e00ull << 32 | (isr >> 16) << 48;

	memcpy(m->mem + GUEST_IDT + vector * 8, &gate, sizeof(gate));
}

/* What guest_setup is to register. */
static struct kvm_coop_page *fill_page(struct machine *m, uint32_t address)
{
	struct kvm_coop_page *page = (struct kvm_coop_page *)(m->mem + address);

	page->setup.abi_version = KVM_COOP_ABI_VERSION;
	page->setup.size = sizeof(*page);
	page->setup.features = KVM_COOP_F_ALL;
	memset(page->guest.urgent, 0xff, sizeof(page->guest.urgent));
	machine_ctl(m)->msr = m->coop ? MSR_KVM_COOP : 0;
	machine_ctl(m)->msr_value = address | KVM_COOP_MSR_ENABLE;
	return page;
}

static void fill_memory(struct machine *m)
{
	static const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };

	memcpy(m->mem + GUEST_CODE, guest_code, guest_code_end - guest_code);
	memcpy(m->mem + GUEST_GDT, gdt, sizeof(gdt));
	set_gate(m, GUEST_VECTOR, guest_isr);
	set_gate(m, GUEST_NOTIFY_VECTOR, guest_notify_isr);
	fill_page(m, GUEST_PAGE);
}

static int create_vcpu(struct machine *m)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_RUNNABLE };
	void *run;

	m->vcpu = ioctl(m->vm, KVM_CREATE_VCPU, m->id);
	/* all but the first one would wait for INIT */
	if (m->vcpu < 0 || ioctl(m->vcpu, KVM_SET_MP_STATE, &state))
		return fail(m, "KVM_CREATE_VCPU");
	run = mmap(NULL, m->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu, 0);
	if (run == MAP_FAILED)
		return fail(m, "mmap of the vCPU");
	m->run = run;
	m->stats = ioctl(m->vcpu, KVM_GET_STATS_FD, NULL);
	m->tsc_khz = ioctl(m->vcpu, KVM_GET_TSC_KHZ);
	return m->stats < 0 || m->tsc_khz <= 0 ? fail(m, "statistics, TSC frequency") : 0;
}

static int boot_vcpu(struct machine *m)
{
	if (create_vcpu(m) || set_cpuid(m) || set_sregs(m))
		return -1;
	return machine_start(m, guest_setup) ? -1 : machine_join(m, SETUP_LIMIT_MS);
}

int machine_boot(struct machine *m)
{
	if (add_memory(m))
		return -1;
	/* halt polling off: a vCPU that halts is to sleep */
	if (ioctl(m->vm, KVM_CREATE_IRQCHIP) || enable(m, KVM_CAP_HALT_POLL, 0))
		return fail(m, "interrupt controller");
	fill_memory(m);
	return boot_vcpu(m);
}

int machine_boot_sibling(struct machine *m, const struct machine *first)
{
	*m = MACHINE_NONE;
	m->id = 1;
	m->coop = first->coop;
	m->mem = first->mem;
	m->run_size = first->run_size;
	m->vm = fcntl(first->vm, F_DUPFD_CLOEXEC, 0);
	if (m->vm < 0)
		return fail(m, "file descriptor of the VM");
	fill_page(m, GUEST_SIBLING_PAGE);
	return boot_vcpu(m);
}

int machine_want_notify(struct machine *m)
{
	fill_page(m, GUEST_PAGE)->setup.notify_vector = GUEST_NOTIFY_VECTOR;
	return machine_start(m, guest_setup) ? -1 : machine_join(m, SETUP_LIMIT_MS);
}

static bool run_routine(struct machine *m)
{
	struct kvm_regs regs = { .rip = address_of(m->entry),
				 .rsp = m->id ? GUEST_SIBLING_STACK : GUEST_STACK,
				 .rflags = 2 };

	if (proc_pin(0, CPU_GUEST) || ioctl(m->vcpu, KVM_SET_REGS, &regs)) {
		fail(m, "vCPU thread");
		return false;
	}
	while (ioctl(m->vcpu, KVM_RUN, NULL)) {
		if (errno == EINTR)
			continue;
		fail(m, "KVM_RUN");
		return false;
	}
	if (m->run->exit_reason == KVM_EXIT_IO && m->run->io.port == GUEST_PORT)
		return true;
	snprintf(m->error, sizeof(m->error), "the guest ended with exit reason %u",
		 m->run->exit_reason);
	return false;
}

static void *vcpu_thread(void *arg)
{
	struct machine *m = arg;
	bool good;

	m->tid = (pid_t)syscall(SYS_gettid);
	good = run_routine(m);
	m->ended = true;
	return good ? m : NULL;
}

int machine_start(struct machine *m, const char *routine)
{
	volatile struct guest_ctl *ctl = machine_ctl(m);

	m->entry = routine;
	m->tid = 0;
	m->ended = false;
	ctl->stop = 0;
	ctl->begun = 0;
	ctl->ended = 0;
	errno = pthread_create(&m->thread, NULL, vcpu_thread, m);
	return errno ? fail(m, "pthread_create") : 0;
}

int machine_join(struct machine *m, int limit_ms)
{
	long long end = proc_now_ns() + limit_ms * 1000000ll;
	void *good;

	while (!m->ended && proc_now_ns() < end)
		usleep(1000);
	if (!m->ended) {
		errno = ETIMEDOUT;
		return fail(m, "the guest does not end its routine");
	}
	pthread_join(m->thread, &good);
	return good ? 0 : -1;
}

bool machine_sleeps(const struct machine *m)
{
	char path[64], *text, *state;
	bool ret;

	if (!m->tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", m->tid);
	text = proc_read_file(path, NULL);
	state = text ? strrchr(text, ')') : NULL;
	ret = state && state[1] && state[2] == 'S';
	free(text);
	return ret;
}

int machine_signal(struct machine *m)
{
	struct kvm_msi msi = { .address_lo = MSI_ADDRESS | (uint32_t)m->id << MSI_DEST_SHIFT,
			       .data = GUEST_VECTOR };

	return ioctl(m->vm, KVM_SIGNAL_MSI, &msi) == 1 ? 0 : fail(m, "KVM_SIGNAL_MSI");
}

int machine_stats(struct machine *m, const char *name, long long *values, size_t n)
{
	struct kvm_stats_header header;
	struct kvm_stats_desc *desc;
	bool found = false;
	size_t size;

	memset(values, 0, n * sizeof(*values));
	if (pread(m->stats, &header, sizeof(header), 0) != sizeof(header))
		return -1;
	size = sizeof(*desc) + header.name_size;
	desc = malloc(size);
	for (unsigned int i = 0; desc && i < header.num_desc; i++) {
		if (pread(m->stats, desc, size, header.desc_offset + i * size) != (ssize_t)size)
			break;
		if (strcmp(desc->name, name))
			continue;
		n = n < desc->size ? n : desc->size;
		found = pread(m->stats, values, n * sizeof(*values),
			      header.data_offset + desc->offset) == (ssize_t)(n * sizeof(*values));
		break;
	}
	free(desc);
	return found ? 0 : -1;
}

long long machine_stat(struct machine *m, const char *name)
{
	long long value;

	return machine_stats(m, name, &value, 1) ? -1 : value;
}
