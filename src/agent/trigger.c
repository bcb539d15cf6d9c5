/* trigger.c — snapshots that the process takes of itself.
 *
 * The signal handler is C and installed beside Python: it sets a bit, wakes
 * the trigger's thread through a futex, and calls the handler that was there
 * before, if one was, so that Python's own (or faulthandler's) runs as ever.
 * Nothing is allocated, no descriptor is used (one could be another file by
 * the time that a late handler writes to it), and since a futex is memory, a
 * forked child that gets the signal wakes nobody of its parent's. signalfd
 * would need the signal blocked in every thread of the target.
 *
 * Whoever replaces the handler later (signal.signal does) has replaced it;
 * stopping then leaves theirs alone. SIG_DFL of most signals ends the process:
 * these are refused unless somebody handles them, so that SIGTERM still ends
 * what it should end. For the same reason SIG_DFL comes back only when close()
 * asks for it, neither at the interpreter's end nor in a forked child.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/trigger.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/facts.h"
#include "agent/file.h"
#include "agent/template.h"
#include "agent/thread.h"
#include "base/loop.h"

#define LOOK_NS 1000000000u /* between two looks at rss */
#define END_WAIT_MS 5000
#define NUMBER_TRIES 10000

enum { BIT_SIGNAL = 1, BIT_STOP = 2 };

/* A file that may be removed when there are too many. */
struct made {
    char *path;
    struct stat st; /* inodes are used again: times and size tell */
};

struct trigger {
    unsigned long number; /* 0: free, or ending */
    bool has_thread;      /* its thread still uses the rest */
    pid_t pid;
    struct trigger_options options;
    bool has_n; /* the template has {n} */
    pthread_t thread;
    atomic_uint bits;      /* the futex */
    atomic_bool is_ending; /* cancels what is being written */
    pthread_mutex_t mutex; /* guards state, for an instant */
    struct trigger_state state;
    /* of the thread */
    unsigned long n;
    uint64_t level; /* of rss that is next */
    struct made *made;
    size_t n_made;
};

static struct trigger triggers[TRIGGERS_MAX];
static unsigned long last_number;

/* By signal; written before the handler is installed. */
static struct hook {
    _Atomic(struct trigger *) trigger;
    struct sigaction before;
} hooks[NSIG];

/* ---- the signal ---- */
static void
wake(struct trigger *trigger, unsigned bit)
{
    atomic_fetch_or(&trigger->bits, bit);
    syscall(SYS_futex, &trigger->bits, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void
on_signal(int number, siginfo_t *info, void *context)
{
    int error = errno;
    struct hook *hook = &hooks[number];
    struct trigger *trigger = atomic_load(&hook->trigger);
    if (trigger != NULL && trigger->pid == getpid())
        wake(trigger, BIT_SIGNAL);
    errno = error;
    if (hook->before.sa_flags & SA_SIGINFO)
        hook->before.sa_sigaction(number, info, context);
    else if (hook->before.sa_handler != SIG_DFL &&
             hook->before.sa_handler != SIG_IGN)
        hook->before.sa_handler(number);
}

static bool
is_plain(const struct sigaction *action, void (*handler)(int))
{
    return (action->sa_flags & SA_SIGINFO) == 0 &&
           action->sa_handler == handler;
}

/* Signals that end the process, and whose default nobody asked to lose. */
static bool
is_free(int number)
{
    return number == SIGUSR1 || number == SIGUSR2 || number == SIGCHLD ||
           number == SIGCONT || number == SIGURG || number == SIGWINCH ||
           (number >= SIGRTMIN && number <= SIGRTMAX);
}

static enum px_status
check_signal(int number, struct sigaction *before, struct px_err *err)
{
    static const int never[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                                SIGILL,  SIGABRT, SIGTRAP, SIGSYS};
    bool is_never = number <= 0 || number >= NSIG;
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        is_never |= number == never[i];
    if (is_never || sigaction(number, NULL, before) != 0) {
        px_fail(err, PX_EINVAL, "signal %d cannot ask for a snapshot", number);
        px_err_hint(err, "signal.SIGUSR1 or signal.SIGUSR2 can");
        return PX_EINVAL;
    }
    if (!is_plain(before, SIG_DFL) || is_free(number))
        return PX_OK;
    px_fail(err, PX_EINVAL,
            "signal %d ends the process, and would not any more", number);
    px_err_hint(err, "take signal.SIGUSR1, or handle it yourself first");
    return PX_EINVAL;
}

static enum px_status
hook_signal(struct trigger *trigger, struct px_err *err)
{
    int number = trigger->options.signal;
    struct sigaction before;
    struct sigaction now = {.sa_flags = SA_RESTART};
    enum px_status status = check_signal(number, &before, err);
    if (status != PX_OK)
        return status;
    struct hook *hook = &hooks[number];
    if (atomic_load(&hook->trigger) != NULL)
        return px_fail(err, PX_EINVAL, "signal %d has a trigger already",
                       number);
    bool is_ours =
        (before.sa_flags & SA_SIGINFO) && before.sa_sigaction == on_signal;
    /* Somebody chained over a trigger that is over, and was not seen to: ours
     * stays in their chain. */
    if (!is_ours) {
        if (!is_plain(&before, SIG_DFL) && !is_plain(&before, SIG_IGN)) {
            now.sa_mask = before.sa_mask;
            now.sa_flags =
                before.sa_flags & (SA_RESTART | SA_NODEFER | SA_ONSTACK);
        }
        now.sa_flags |= SA_SIGINFO;
        now.sa_sigaction = on_signal;
        hook->before = before;
    }
    atomic_store(&hook->trigger, trigger);
    if (!is_ours && sigaction(number, &now, NULL) != 0) {
        atomic_store(&hook->trigger, NULL);
        return px_fail_errno(err, PX_EINVAL, errno, "handle signal %d", number);
    }
    return PX_OK;
}

/* The handler goes if it is still ours; else it stays where it is chained,
 * and only hands the signal on. Async-signal-safe. */
static void
unhook_signal(int number)
{
    struct sigaction now;
    if (number == 0)
        return;
    struct hook *hook = &hooks[number];
    atomic_store(&hook->trigger, NULL);
    if (sigaction(number, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
        now.sa_sigaction == on_signal)
        sigaction(number, &hook->before, NULL);
}

/* Where nobody asked for the default, it would be the end: of a program that
 * is in its last functions, of a worker that got its parent's signal. There
 * the handler stays and does nothing. Async-signal-safe. */
static void
deafen_signal(int number)
{
    if (number != 0 && is_plain(&hooks[number].before, SIG_DFL))
        atomic_store(&hooks[number].trigger, NULL);
    else
        unhook_signal(number);
}

/* ---- the thread ---- */

/* Until a bit is set, or so long; UINT64_MAX: for ever. */
static void
wait_bits(struct trigger *trigger, uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u),
                            .tv_nsec = (long)(ns % 1000000000u)};
    syscall(SYS_futex, &trigger->bits, FUTEX_WAIT_PRIVATE, 0,
            ns == UINT64_MAX ? NULL : &time, NULL, 0);
}

/* Large enough for the next one? After one at some size the next comes when
 * it is a tenth larger, or when it was small in between. */
static bool
is_large(struct trigger *trigger, uint64_t *rss)
{
    if (trigger->options.rss_bytes == 0)
        return false;
    *rss = facts_rss_bytes();
    if (*rss < trigger->options.rss_bytes)
        trigger->level = trigger->options.rss_bytes;
    return *rss >= trigger->level;
}

static enum px_status
next_path(struct trigger *trigger, char *path, struct px_err *err)
{
    struct stat st;
    for (unsigned i = 0; i < NUMBER_TRIES; i++) {
        trigger->n++;
        enum px_status status = template_expand(
            trigger->options.path, trigger->n, PX_PATH_MAX, path, err);
        if (status != PX_OK || !trigger->has_n || lstat(path, &st) != 0)
            return status;
    }
    return px_fail(err, PX_ELIMIT, "%u files of that name are there already",
                   NUMBER_TRIES);
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Removes the oldest, if it is still the file that we made. */
static void
remove_oldest(struct trigger *trigger)
{
    struct stat st;
    struct made *oldest = &trigger->made[0];
    if (oldest->path != NULL && lstat(oldest->path, &st) == 0 &&
        is_same_file(&st, &oldest->st))
        unlink(oldest->path);
    free(oldest->path);
    memmove(oldest, oldest + 1, --trigger->n_made * sizeof *oldest);
}

static void
keep_file(struct trigger *trigger, const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return;
    if (trigger->n_made == trigger->options.keep)
        remove_oldest(trigger);
    trigger->made[trigger->n_made++] = (struct made){strdup(path), st};
}

static bool
take_snapshot(struct trigger *trigger)
{
    char path[PX_PATH_MAX];
    struct px_err err = {.status = PX_OK};
    struct heap_options opts = {.detail = trigger->options.detail,
                                .codec = PX_CODEC_LZ4};
    enum px_status status = next_path(trigger, path, &err);
    if (status == PX_OK)
        status = file_write(path, &opts, &trigger->is_ending, &err);
    pthread_mutex_lock(&trigger->mutex);
    snprintf(trigger->state.last_error, sizeof trigger->state.last_error, "%s",
             status == PX_OK ? "" : err.msg);
    if (status == PX_OK) {
        trigger->state.taken++;
        snprintf(trigger->state.last_path, sizeof trigger->state.last_path,
                 "%s", path);
    }
    pthread_mutex_unlock(&trigger->mutex);
    if (status == PX_OK)
        keep_file(trigger, path);
    return status == PX_OK;
}

static void *
watch(void *context)
{
    struct trigger *trigger = context;
    uint64_t next_ns = 0; /* no sooner */
    uint64_t rss = 0;
    bool is_asked = false;
    while (!atomic_load(&trigger->is_ending)) {
        bool was_large = is_large(trigger, &rss);
        is_asked |= (atomic_fetch_and(&trigger->bits, ~(unsigned)BIT_SIGNAL) &
                     BIT_SIGNAL) != 0;
        uint64_t now = px_now_ns();
        bool is_due = is_asked || was_large;
        if (is_due && now >= next_ns) {
            next_ns = now + trigger->options.interval_ms * 1000000u;
            is_asked = false;
            if (take_snapshot(trigger) && was_large)
                trigger->level = rss + rss / 10;
            continue;
        }
        uint64_t wait_ns = is_due ? next_ns - now : UINT64_MAX;
        if (trigger->options.rss_bytes != 0 && wait_ns > LOOK_NS)
            wait_ns = LOOK_NS;
        wait_bits(trigger, wait_ns);
    }
    return NULL;
}

/* ---- starting and stopping ---- */
static struct trigger *
find(unsigned long number)
{
    for (size_t i = 0; number != 0 && i < TRIGGERS_MAX; i++) {
        if (triggers[i].number == number && triggers[i].pid == getpid())
            return &triggers[i];
    }
    return NULL;
}

static void
release(struct trigger *trigger)
{
    for (size_t i = 0; i < trigger->n_made; i++)
        free(trigger->made[i].path);
    free(trigger->made);
    trigger->made = NULL;
    trigger->n_made = 0;
    trigger->has_thread = false;
}

static enum px_status
prepare(struct trigger *trigger, const struct trigger_options *options,
        struct px_err *err)
{
    bool has_n;
    enum px_status status = template_check(options->path, &has_n, err);
    if (status != PX_OK)
        return status;
    *trigger = (struct trigger){.pid = getpid(),
                                .options = *options,
                                .has_n = has_n,
                                .mutex = PTHREAD_MUTEX_INITIALIZER,
                                .level = options->rss_bytes};
    trigger->made = calloc(options->keep, sizeof *trigger->made);
    if (trigger->made == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a trigger");
    return options->signal != 0 ? hook_signal(trigger, err) : PX_OK;
}

unsigned long
trigger_start(const struct trigger_options *options, struct px_err *err)
{
    struct trigger *trigger = NULL;
    for (size_t i = 0; i < TRIGGERS_MAX && trigger == NULL; i++) {
        if (triggers[i].number == 0 && !triggers[i].has_thread)
            trigger = &triggers[i];
    }
    if (trigger == NULL) {
        px_fail(err, PX_EBUSY, "there are %d triggers already", TRIGGERS_MAX);
        return 0;
    }
    enum px_status status = prepare(trigger, options, err);
    if (status == PX_OK) {
        status =
            thread_start(&trigger->thread, THREAD_CLONES, watch, trigger, err);
        if (status != PX_OK)
            unhook_signal(options->signal);
    }
    if (status != PX_OK) {
        release(trigger);
        return 0;
    }
    trigger->has_thread = true;
    trigger->number = ++last_number;
    return trigger->number;
}

/* `leave`: takes its hands off the signal. */
static void
stop(struct trigger *trigger, void (*leave)(int number))
{
    bool is_over = false;
    pthread_t thread = trigger->thread;
    trigger->number = 0; /* nobody else stops it now */
    leave(trigger->options.signal);
    atomic_store(&trigger->is_ending, true);
    wake(trigger, BIT_STOP);
    Py_BEGIN_ALLOW_THREADS
    is_over = thread_join(thread, END_WAIT_MS);
    Py_END_ALLOW_THREADS
    if (is_over) /* else it may still use what it has, for ever */
        release(trigger);
}

void
trigger_stop(unsigned long number)
{
    struct trigger *trigger = find(number);
    if (trigger != NULL)
        stop(trigger, unhook_signal);
}

void
trigger_at_exit(void)
{
    for (size_t i = 0; i < TRIGGERS_MAX; i++) {
        struct trigger *trigger = find(triggers[i].number);
        if (trigger != NULL)
            stop(trigger, deafen_signal);
    }
}

const struct trigger_options *
trigger_options(unsigned long number)
{
    const struct trigger *trigger = find(number);
    return trigger != NULL ? &trigger->options : NULL;
}

bool
trigger_look(unsigned long number, struct trigger_state *out)
{
    struct trigger *trigger = find(number);
    if (trigger == NULL)
        return false;
    pthread_mutex_lock(&trigger->mutex);
    *out = trigger->state;
    pthread_mutex_unlock(&trigger->mutex);
    return true;
}

void
trigger_in_child(void)
{
    for (size_t i = 0; i < TRIGGERS_MAX; i++) {
        struct trigger *trigger = &triggers[i];
        if (trigger->number != 0)
            deafen_signal(trigger->options.signal);
        /* its memory is left as it is: see forget_agent */
        trigger->number = 0;
        trigger->has_thread = false;
        trigger->made = NULL;
        trigger->n_made = 0;
    }
}
