/* guard.c — faults and the watchdog of the snapshot child.
 *
 * What is too long: one second of CPU without progress (an endless loop), or
 * five seconds of real time (a tp_traverse that waits for a lock whose owner
 * does not exist here). Real time alone would take a child that the scheduler
 * starves, or that was stopped, for one that hangs. While our own code runs
 * (`busy`) the clock never jumps: a loop that visits for ever is caught on
 * the way between two visits, by trying again soon.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/guard.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000u
#define STACK_BYTES ((size_t)64 << 10) /* its alignment too */
#define TICK_US 200000
#define RETRY_US 3000
#define PATIENCE_CPU_NS ((uint64_t)NS)
#define PATIENCE_REAL_NS (5 * (uint64_t)NS)

static struct guard *
guard_mine(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    return (struct guard *)(here & ~(uintptr_t)(STACK_BYTES - 1));
}

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now = {0, 0};
    syscall(SYS_clock_gettime, clock, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

static void
tick_set(long first_us)
{
    struct itimerval timer = {{0, TICK_US}, {0, first_us}};
    syscall(SYS_setitimer, ITIMER_REAL, &timer, NULL);
}

static void
land(struct guard *guard, enum guard_why why)
{
    sigjmp_buf *landing = guard->landing;
    if (landing == NULL)
        syscall(SYS_exit_group, 1);
    guard->why = (sig_atomic_t)why;
    siglongjmp(*landing, 1);
}

static void
on_fault(int number)
{
    (void)number;
    land(guard_mine(), GUARD_FAULT);
}

static void
on_tick(int number)
{
    (void)number;
    struct guard *guard = guard_mine();
    uint64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t real = clock_ns(CLOCK_MONOTONIC);
    uint64_t cpu_spent = cpu - guard->seen_cpu_ns;
    uint64_t real_spent = real - guard->seen_real_ns;
    /* Our own code only waits for the spool, which has its own limit. */
    bool waits = guard->busy != 0 && cpu_spent < real_spent / 8;
    if (guard->progress != guard->seen || waits) {
        guard->seen = guard->progress;
        guard->seen_cpu_ns = cpu;
        guard->seen_real_ns = real;
        return;
    }
    if (cpu_spent < PATIENCE_CPU_NS + guard->extra_ns &&
        real_spent < PATIENCE_REAL_NS + guard->extra_ns)
        return;
    if (guard->busy != 0 || guard->landing == NULL) {
        tick_set(RETRY_US);
        return;
    }
    guard->seen_cpu_ns = cpu;
    guard->seen_real_ns = real;
    land(guard, GUARD_HUNG);
}

static void
handle(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    sigaction(number, &action, NULL);
}

/* A block aligned to its own size, cut out of one twice as large. */
static char *
block_take(struct arena *arena)
{
    char *base = arena_take(arena, 2 * STACK_BYTES);
    if (base == NULL)
        return NULL;
    uintptr_t aligned =
        ((uintptr_t)base + STACK_BYTES - 1) & ~(uintptr_t)(STACK_BYTES - 1);
    return (char *)aligned;
}

struct guard *
guard_start(struct arena *arena)
{
    static const int faults[] = {SIGSEGV, SIGBUS,  SIGFPE,
                                 SIGILL,  SIGTRAP, SIGABRT};
    char *block = block_take(arena);
    if (block == NULL)
        return NULL;
    struct guard *guard = (struct guard *)(void *)block;
    size_t foot = (sizeof *guard + 63) & ~(size_t)63;
    stack_t stack = {.ss_sp = block + foot, .ss_size = STACK_BYTES - foot};
    if (syscall(SYS_sigaltstack, &stack, NULL) != 0)
        return NULL;

    /* The clone came with every signal blocked; only ours are let in. */
    sigset_t ours;
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        handle(faults[i], on_fault);
        sigaddset(&ours, faults[i]);
    }
    handle(SIGALRM, on_tick);
    sigaddset(&ours, SIGALRM);
    guard->busy = 1;
    guard->seen_real_ns = clock_ns(CLOCK_MONOTONIC);
    guard->seen_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &ours, NULL, (size_t)8);
    tick_set(TICK_US);
    return guard;
}
