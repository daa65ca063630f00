/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's code; position-independent, as the driver copies it to GUEST_CODE. Differences of the
 * TSC are 32 bits wide: one sample lasts less than a second.
 */
#include "bench/overhead/guest.h"

#define MSR_X2APIC_EOI	0x80b
#define MSR_X2APIC_SVR	0x80f
#define SVR_ENABLED	0x1ff

	.macro global name
	.global \name
\name:
	.endm

	.macro timed insn
	mov	$GUEST_SAMPLES, %edi
2:	mov	CTL_BATCH, %esi
	rdtsc
	mov	%eax, %ebp
1:	mov	CTL_NR, %eax
	xor	%ecx, %ecx
	\insn
	dec	%esi
	jnz	1b
	rdtsc
	sub	%ebp, %eax
	stosl
	decl	CTL_COUNT
	jnz	2b
	jmp	done
	.endm

	.section .rodata
	.code32
	global	guest_code

	global	guest_setup
	mov	$MSR_X2APIC_SVR, %ecx
	mov	$SVR_ENABLED, %eax
	xor	%edx, %edx
	wrmsr
	mov	CTL_MSR, %ecx
	jecxz	done
	mov	CTL_MSR_VALUE, %eax
	wrmsr
done:	out	%al, $GUEST_PORT
	jmp	done

	global	guest_cpuid
	timed	cpuid

	/* On Intel, KVM patches the instruction when it is first executed. */
	global	guest_hypercall
	timed	vmmcall

	/* No PAUSE: it may be intercepted. */
	global	guest_run
	sti
1:	mov	CTL_BEGUN, %eax
	mov	%eax, CTL_ENDED
	cmpl	$0, CTL_STOP
	je	1b
	cli
	jmp	done

	/* Nothing can come between STI and HLT. */
	global	guest_sleep
1:	cli
	cmpl	$0, CTL_STOP
	jne	done
	sti
	hlt
	jmp	1b

	global	guest_sleep_hypercall
	mov	$GUEST_SAMPLES, %edi
1:	cli
	cmpl	$0, CTL_STOP
	jne	done
	sti
	hlt
	rdtsc
	mov	%eax, %ebp
	mov	CTL_NR, %eax
	vmmcall
	rdtsc
	sub	%ebp, %eax
	stosl
	jmp	1b

	/* The ticket is acknowledged in every mode, so that all execute the same. */
	global	guest_isr
	push	%eax
	push	%ecx
	push	%edx
	incl	CTL_BEGUN
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	mov	PAGE_IRQ_TICKET, %eax
	mov	%eax, PAGE_IRQ_ACK
	pop	%edx
	pop	%ecx
	pop	%eax
	iret

	/* There is nothing to move: answer, and go. EBX, the hypercall's flags, is never set. */
	global	guest_notify_isr
	push	%eax
	push	%ecx
	push	%edx
	mov	$MSR_X2APIC_EOI, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	mov	PAGE_NOTIFY_SEQ, %eax
	mov	%eax, PAGE_NOTIFY_ACK
	mov	CTL_NR, %eax
	vmmcall
	pop	%edx
	pop	%ecx
	pop	%eax
	iret

	global	guest_code_end
	.code64
	.section .note.GNU-stack, "", @progbits
