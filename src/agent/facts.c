/* facts.c — what the process says about itself without asking Python.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/facts.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/forget.h"

#define TASKS_MAX 256
#define COMMAND_BYTES 4096
#define COMMAND_ARGS 64
#define REPLACEMENT "\xef\xbf\xbd"

/* A small file of /proc; returns the bytes read, 0 on failure. No fork while
 * it is open: the child would keep the descriptor. */
static size_t
read_small(const char *path, size_t max, char *out)
{
    ssize_t n = -1;
    forget_lock();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, out, max);
        close(fd);
    }
    forget_unlock();
    return n > 0 ? (size_t)n : 0;
}

uint64_t
facts_rss_bytes(void)
{
    char text[128];
    size_t n = read_small("/proc/self/statm", sizeof text - 1, text);
    text[n] = '\0';
    char *at = strchr(text, ' ');
    if (at == NULL)
        return 0;
    return strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t
facts_file_bytes(void)
{
    static const char *const names[] = {"\nRssFile:", "\nRssShmem:"};
    char text[4096];
    uint64_t kib = 0;
    text[read_small("/proc/self/status", sizeof text - 1, text)] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *at = strstr(text, names[i]);
        if (at != NULL)
            kib += strtoull(at + strlen(names[i]), NULL, 10);
    }
    return kib << 10;
}

/* Calls that have another mask while they last; and which argument says so if
 * it is not 0, for poll and select are these calls too. 0: always. */
static const struct {
    long number;
    int argument;
} mask_calls[] = {
    {SYS_rt_sigtimedwait, 0}, {SYS_rt_sigsuspend, 0}, {SYS_ppoll, 4},
    {SYS_pselect6, 6},        {SYS_epoll_pwait, 5},
#ifdef SYS_epoll_pwait2
    {SYS_epoll_pwait2, 5},
#endif
};

/* The n-th argument in a line of /proc/PID/syscall: "7 0x1 0x2 …". */
static unsigned long long
syscall_argument(const char *line, int n)
{
    for (; line != NULL && n > 0; n--)
        line = strchr(line + 1, ' ');
    return line == NULL ? 0 : strtoull(line, NULL, 16);
}

/* While it is in sigwait the kernel shows what it waits for as not blocked;
 * but the next one, which comes before it waits again, must find it blocked
 * everywhere, or ends the process. */
static bool
main_may_wait_for_signals(void)
{
    char text[256];
    text[read_small("/proc/self/syscall", sizeof text - 1, text)] = '\0';
    if (strncmp(text, "running", 7) == 0)
        return false;
    char *end = text;
    long number = strtol(text, &end, 10);
    if (end == text)
        return true;
    for (size_t i = 0; i < sizeof mask_calls / sizeof mask_calls[0]; i++) {
        int argument = mask_calls[i].argument;
        if (number == mask_calls[i].number)
            return argument == 0 || syscall_argument(text, argument) != 0;
    }
    return false;
}

bool
facts_main_blocks(sigset_t *out)
{
    static const char name[] = "\nSigBlk:";
    char text[4096];
    text[read_small("/proc/self/status", sizeof text - 1, text)] = '\0';
    const char *at = strstr(text, name);
    if (at == NULL || main_may_wait_for_signals())
        return false;
    unsigned long long bits = strtoull(at + strlen(name), NULL, 16);
    sigemptyset(out);
    for (int number = 1; number <= 64; number++) {
        if (bits >> (number - 1) & 1)
            sigaddset(out, number); /* refuses libc's own */
    }
    return true;
}

/* As glibc 2.33 has it; spelled here, for it may not be in our headers. */
struct mallinfo2_figures {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks;
    size_t uordblks, fordblks, keepcost;
};

/* mallinfo2 of the library whose malloc this process uses: beside a preloaded
 * jemalloc the C library's tells of what hardly anybody uses. */
static void *
find_mallinfo2(void)
{
    Dl_info asked, used;
    forget_lock(); /* the dynamic linker has a lock of its own */
    void *found = dlsym(RTLD_DEFAULT, "mallinfo2");
    void *taken = dlsym(RTLD_DEFAULT, "malloc");
    bool is_its = found != NULL && taken != NULL &&
                  dladdr(found, &asked) != 0 && dladdr(taken, &used) != 0 &&
                  asked.dli_fbase == used.dli_fbase;
    forget_unlock();
    return is_its ? found : NULL;
}

void
facts_malloc_read(struct facts_malloc *out)
{
    struct mallinfo2_figures (*ask)(void) = NULL;
    void *found = find_mallinfo2();
    *out = (struct facts_malloc){0};
    if (found == NULL)
        return;
    memcpy(&ask, &found, sizeof ask);
    struct mallinfo2_figures now = ask();
    out->is_known = true;
    out->in_use_bytes = now.uordblks + now.hblkhd;
    out->free_bytes = now.fordblks;
}

double
facts_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* proc(5): field 22 of /proc/self/stat, in clock ticks since boot. Before it
 * stands the program's name, which may have blanks and brackets. */
double
facts_started(void)
{
    char text[1024];
    struct timespec boot;
    size_t n = read_small("/proc/self/stat", sizeof text - 1, text);
    text[n] = '\0';
    const char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL || clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        return 0;
    double up = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9;
    double ticks = (double)strtoull(at, NULL, 10);
    double age = up - ticks / (double)sysconf(_SC_CLK_TCK);
    return age >= 0 ? facts_time() - age : 0;
}

/* Documentation/scheduler/sched-stats.rst: nanoseconds on a CPU, nanoseconds
 * waiting for one, number of turns. */
static uint64_t
waited_ns(long task)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/self/task/%ld/schedstat", task);
    text[read_small(path, sizeof text - 1, text)] = '\0';
    const char *at = strchr(text, ' ');
    return at == NULL ? 0 : strtoull(at, NULL, 10);
}

/* Up to TASKS_MAX threads of this process but the caller; returns how many. */
static size_t
list_tasks(long tasks[TASKS_MAX])
{
    size_t n = 0;
    long self = syscall(SYS_gettid);
    forget_lock();
    DIR *folder = opendir("/proc/self/task");
    while (folder != NULL && n < TASKS_MAX) {
        const struct dirent *entry = readdir(folder);
        if (entry == NULL)
            break;
        tasks[n] = strtol(entry->d_name, NULL, 10);
        n += tasks[n] > 0 && tasks[n] != self;
    }
    if (folder != NULL)
        closedir(folder);
    forget_unlock();
    return n;
}

double
facts_waited(void)
{
    long tasks[TASKS_MAX];
    uint64_t most_ns = 0;
    size_t n = list_tasks(tasks);
    for (size_t i = 0; i < n; i++) {
        uint64_t ns = waited_ns(tasks[i]);
        most_ns = ns > most_ns ? ns : most_ns;
    }
    return (double)most_ns / 1e9;
}

/* Length of the well-formed UTF-8 character at `at`, 0: there is none. */
static size_t
char_bytes(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char low, high; /* of the first byte */
        unsigned char low2, high2;
        size_t n;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
        {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t n = forms[i].n;
        if (at[0] < forms[i].low || at[0] > forms[i].high || n > left)
            continue;
        if (n > 1 && (at[1] < forms[i].low2 || at[1] > forms[i].high2))
            continue;
        size_t k = 2;
        while (k < n && (at[k] & 0xc0) == 0x80)
            k++;
        return k >= n ? n : 0;
    }
    return 0;
}

json_t *
facts_text(const char *text, size_t n_bytes)
{
    const unsigned char *at = (const unsigned char *)text;
    char *out = malloc(3 * n_bytes + 1);
    size_t n_out = 0;
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < n_bytes;) {
        size_t n = char_bytes(at + i, n_bytes - i);
        memcpy(out + n_out, n > 0 ? text + i : REPLACEMENT, n > 0 ? n : 3);
        n_out += n > 0 ? n : 3;
        i += n > 0 ? n : 1;
    }
    json_t *json = json_stringn_nocheck(out, n_out);
    free(out);
    return json;
}

json_t *
facts_command(void)
{
    char bytes[COMMAND_BYTES];
    size_t n = read_small("/proc/self/cmdline", sizeof bytes - 1, bytes);
    json_t *command = json_array();
    bytes[n] = '\0';
    for (size_t i = 0; i < n && json_array_size(command) < COMMAND_ARGS;) {
        size_t n_arg = strlen(bytes + i);
        json_array_append_new(command, facts_text(bytes + i, n_arg));
        i += n_arg + 1;
    }
    return command;
}

json_t *
facts_host(void)
{
    char host[HOST_NAME_MAX + 1] = "";
    gethostname(host, sizeof host - 1);
    host[sizeof host - 1] = '\0';
    return facts_text(host, strlen(host));
}

const char *
facts_build(void)
{
    return Py_GetVersion(); /* made once at start-up, needs no GIL */
}

json_t *
facts_python(void)
{
    const char *build = facts_build();
    return facts_text(build, strcspn(build, " "));
}
