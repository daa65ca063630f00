/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest that the driver runs itself: one vCPU in 32-bit protected mode without paging, whose
 * few routines each do one thing again and again and then leave to user space; maybe a second one.
 * This is its memory, for C and assembler.
 */
#ifndef BENCH_OVERHEAD_GUEST_H
#define BENCH_OVERHEAD_GUEST_H

#define GUEST_CODE 0x1000
#define GUEST_CTL 0x2000
#define GUEST_PAGE 0x3000 /* struct kvm_coop_page */
#define GUEST_IDT 0x4000
#define GUEST_GDT 0x4800
#define GUEST_STACK 0x6000 /* its upper end */
#define GUEST_SIBLING_STACK 0x7000
#define GUEST_SIBLING_PAGE 0x7000
#define GUEST_SAMPLES 0x8000 /* 32-bit TSC differences */
#define GUEST_SIZE 0x10000
#define GUEST_SAMPLES_MAX ((GUEST_SIZE - GUEST_SAMPLES) / 4)

#define GUEST_VECTOR 0x40 /* of what the driver signals */
#define GUEST_NOTIFY_VECTOR 0x41 /* of what the host says before a preemption */
#define GUEST_PORT 0x10 /* OUT to it: the routine has ended */

/* struct guest_ctl */
#define CTL_COUNT (GUEST_CTL + 0)
#define CTL_BATCH (GUEST_CTL + 4)
#define CTL_NR (GUEST_CTL + 8)
#define CTL_STOP (GUEST_CTL + 12)
#define CTL_BEGUN (GUEST_CTL + 16)
#define CTL_ENDED (GUEST_CTL + 20)
#define CTL_MSR (GUEST_CTL + 24)
#define CTL_MSR_VALUE (GUEST_CTL + 28)

/* in struct kvm_coop_page */
#define PAGE_IRQ_ACK (GUEST_PAGE + 68)
#define PAGE_NOTIFY_ACK (GUEST_PAGE + 72)
#define PAGE_IRQ_TICKET (GUEST_PAGE + 132)
#define PAGE_NOTIFY_SEQ (GUEST_PAGE + 136)

#ifndef __ASSEMBLER__
#include <stdint.h>

struct guest_ctl {
	uint32_t count, batch; /* samples to take, operations per sample */
	uint32_t nr; /* EAX before each operation */
	uint32_t stop; /* host: end the routine */
	/* guest: handlers begun, and how many of them guest_run has seen the end of */
	uint32_t begun, ended;
	uint32_t msr, msr_value; /* what to register with, 0 for nothing */
};

extern const char guest_code[], guest_code_end[];
extern const char guest_isr[], guest_notify_isr[];

/* Local APIC on, registration. */
extern const char guest_setup[];
/* CTL_COUNT samples of CTL_BATCH exits each. */
extern const char guest_cpuid[], guest_hypercall[];
/* Until CTL_STOP: run, sleep, sleep and make a hypercall after each interrupt. Who is told of a
 * preemption makes one, too. */
extern const char guest_run[], guest_sleep[], guest_sleep_hypercall[];
#endif
#endif
