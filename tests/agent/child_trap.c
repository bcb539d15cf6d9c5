/* child_trap.c — LD_PRELOAD: who in a copy of the target allocates or locks?
 *
 * Interposes malloc's family, pthread mutexes, rwlocks, conditions, spinlocks
 * and semaphores. A call from a process other than the one that loaded this
 * library is counted on a shared page with its name. The target reads the
 * page through child_trap_count and child_trap_last (ctypes).
 *
 * SPDX-License-Identifier: MIT
 */
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own names of what is replaced here. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *memory, size_t n);
void *__libc_memalign(size_t alignment, size_t n);
void __libc_free(void *memory);

int child_trap_count(void);
const char *child_trap_last(void);

static struct trap {
    _Atomic int n_calls;
    _Atomic(const char *) last;
    long pid;
} * trap;

__attribute__((constructor)) static void
trap_set(void)
{
    struct trap *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        _exit(99);
    page->pid = syscall(SYS_getpid);
    trap = page;
}

static void
trapped(const char *name)
{
    if (trap == NULL || syscall(SYS_getpid) == trap->pid)
        return;
    atomic_fetch_add(&trap->n_calls, 1);
    atomic_store(&trap->last, name);
}

int
child_trap_count(void)
{
    return atomic_load(&trap->n_calls);
}

const char *
child_trap_last(void)
{
    const char *last = atomic_load(&trap->last);
    return last == NULL ? "" : last;
}

void *
malloc(size_t n)
{
    trapped("malloc");
    return __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
    trapped("calloc");
    return __libc_calloc(n, size);
}

void *
realloc(void *memory, size_t n)
{
    trapped("realloc");
    return __libc_realloc(memory, n);
}

void *
memalign(size_t alignment, size_t n)
{
    trapped("memalign");
    return __libc_memalign(alignment, n);
}

void *
aligned_alloc(size_t alignment, size_t n)
{
    trapped("aligned_alloc");
    return __libc_memalign(alignment, n);
}

int
posix_memalign(void **out, size_t alignment, size_t n)
{
    trapped("posix_memalign");
    *out = __libc_memalign(alignment, n);
    return *out == NULL ? 12 : 0;
}

void
free(void *memory)
{
    trapped("free");
    __libc_free(memory);
}

#define INTERPOSE(name, parameter)                                             \
    int name(parameter *object)                                                \
    {                                                                          \
        static int (*real)(parameter *);                                       \
        trapped(#name);                                                        \
        if (real == NULL)                                                      \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                         \
        return real(object);                                                   \
    }
INTERPOSE(pthread_mutex_lock, pthread_mutex_t)
INTERPOSE(pthread_mutex_trylock, pthread_mutex_t)
INTERPOSE(pthread_mutex_unlock, pthread_mutex_t)
INTERPOSE(pthread_rwlock_rdlock, pthread_rwlock_t)
INTERPOSE(pthread_rwlock_wrlock, pthread_rwlock_t)
INTERPOSE(pthread_cond_signal, pthread_cond_t)
INTERPOSE(pthread_cond_broadcast, pthread_cond_t)
INTERPOSE(sem_wait, sem_t)
INTERPOSE(sem_post, sem_t)

int
pthread_spin_lock(pthread_spinlock_t *lock)
{
    static int (*real)(pthread_spinlock_t *);
    trapped("pthread_spin_lock");
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_spin_lock");
    return real(lock);
}

int
pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *);
    trapped("pthread_cond_wait");
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_wait");
    return real(cond, mutex);
}
