/* hold_call.c — LD_PRELOAD: a system call that takes as long as a test wants.
 *
 * HOLD names it: "close" or "stat" of a snapshot file, the first "read" of
 * mountinfo, or "wait" for a snapshot child. In the process that loaded this
 * the call creates the file HOLD_FOLDER/held, then waits until there is
 * HOLD_FOLDER/go. A call that a fork waits for ends by itself: "heads", a
 * thread of ours that has CPython's lock of the thread states, after 30 ms, or
 * "linker", one that has the dynamic linker's, after 1 s.
 *
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FOR_EVER = -1, HEADS_MS = 30, LINKER_MS = 1000 };

static pid_t owner;
static int mountinfo = -1;

__attribute__((constructor)) static void
hold_set(void)
{
    owner = getpid();
}

static void
hold(const char *what, int most_ms)
{
    char path[512];
    const char *wanted = getenv("HOLD");
    const char *folder = getenv("HOLD_FOLDER");
    if (getpid() != owner || wanted == NULL || folder == NULL ||
        strcmp(wanted, what) != 0)
        return;
    snprintf(path, sizeof path, "%s/held", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    snprintf(path, sizeof path, "%s/go", folder);
    for (int ms = 0; ms != most_ms && access(path, F_OK) != 0; ms++)
        usleep(1000);
}

static int
is_snapshot(int fd)
{
    char link[64];
    char path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path);
    return n > 4 && memcmp(path + n - 4, ".pxs", 4) == 0;
}

int
fstat(int fd, struct stat *info)
{
    if (is_snapshot(fd))
        hold("stat", FOR_EVER);
    int (*next)(int, struct stat *) =
        (int (*)(int, struct stat *))dlsym(RTLD_NEXT, "fstat");
    return next(fd, info);
}

int
close(int fd)
{
    if (is_snapshot(fd))
        hold("close", FOR_EVER);
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
    return next(fd);
}

pid_t
waitpid(pid_t pid, int *status, int options)
{
    if ((options & (int)__WCLONE) != 0 && (options & WNOHANG) == 0)
        hold("wait", FOR_EVER);
    pid_t (*next)(pid_t, int *, int) =
        (pid_t(*)(pid_t, int *, int))dlsym(RTLD_NEXT, "waitpid");
    return next(pid, status, options);
}

long
syscall(long number, ...)
{
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(rest, long);
    va_end(rest);
    if (number == SYS_read && (int)a[0] == mountinfo) {
        mountinfo = -1;
        hold("read", FOR_EVER);
    }
    long (*next)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    long result = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (number == SYS_openat &&
        strcmp((const char *)a[1], "/proc/self/mountinfo") == 0)
        mountinfo = (int)result;
    return result;
}

/* The first of the thread that waits for the GIL is of PyThreadState_New. */
int
sem_post(sem_t *sem)
{
    static _Thread_local int is_known;
    char name[16] = "";
    if (!is_known++ && prctl(PR_GET_NAME, name) == 0 &&
        strcmp(name, "pyexplore-gil") == 0)
        hold("heads", HEADS_MS);
    int (*next)(sem_t *) = (int (*)(sem_t *))dlsym(RTLD_NEXT, "sem_post");
    return next(sem);
}

typedef int (*image_function)(struct dl_phdr_info *, size_t, void *);

struct images {
    image_function each;
    void *context;
};

static int
each_image(struct dl_phdr_info *info, size_t n_bytes, void *context)
{
    static atomic_flag was_held = ATOMIC_FLAG_INIT;
    const struct images *images = context;
    if (!atomic_flag_test_and_set(&was_held))
        hold("linker", LINKER_MS);
    return images->each(info, n_bytes, images->context);
}

int
dl_iterate_phdr(image_function each, void *context)
{
    struct images images = {each, context};
    int (*next)(image_function, void *) =
        (int (*)(image_function, void *))dlsym(RTLD_NEXT, "dl_iterate_phdr");
    return next(each_image, &images);
}
