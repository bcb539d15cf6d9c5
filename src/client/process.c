/* process.c — facts about processes and listeners, from /proc.
 *
 * All of it is advice for routes and for sentences: a fact that cannot be
 * read (gone, not ours) is only missing. What decides about trust is asked of
 * the socket itself (SO_PEERCRED) or proved by a key.
 *
 * SPDX-License-Identifier: MIT
 */
#include "client/internal.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* The first bytes of /proc/PID/NAME; their number, 0 if there are none. */
static size_t
read_proc(pid_t pid, const char *name, size_t max, char *to)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t n = 0;
    while (n < max - 1) {
        ssize_t got = read(fd, to + n, max - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    to[n] = '\0';
    return n;
}

/* The text behind "KEY:" in /proc/PID/status, or NULL. */
static const char *
find_field(const char *status, const char *key)
{
    size_t n = strlen(key);
    for (const char *line = status; line != NULL;) {
        if (strncmp(line, key, n) == 0 && line[n] == ':')
            return line + n + 1;
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return NULL;
}

/* The `nth` number of a field, counted from 0; nth < 0: the last. */
static unsigned long
field_number(const char *status, const char *key, int nth)
{
    const char *at = find_field(status, key);
    unsigned long value = 0;
    while (at != NULL) {
        char *end;
        while (*at == ' ' || *at == '\t')
            at++;
        unsigned long number = strtoul(at, &end, 10);
        if (end == at)
            break;
        value = number;
        if (nth-- == 0)
            break;
        at = end;
    }
    return value;
}

/* The uid that `outer` has inside the user namespace of pid. */
static uid_t
inner_uid(pid_t pid, uid_t outer)
{
    char map[4096];
    read_proc(pid, "uid_map", sizeof map, map);
    for (char *line = map; *line != '\0';) {
        unsigned long inside, outside, count;
        if (sscanf(line, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
            outer >= outside && outer - outside < count)
            return (uid_t)(inside + (outer - outside));
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return outer;
}

static void
read_command(pid_t pid, const char *status, size_t out_bytes, char *out)
{
    char words[512];
    size_t n = read_proc(pid, "cmdline", sizeof words, words);
    while (n > 0 && words[n - 1] == '\0')
        n--;
    for (size_t i = 0; i < n; i++) {
        if (words[i] == '\0')
            words[i] = ' ';
    }
    if (n > 0) {
        px_text_escape(words, n, out_bytes, out);
        return;
    }
    const char *name = find_field(status, "Name");
    if (name == NULL)
        name = "";
    while (*name == '\t' || *name == ' ')
        name++;
    px_text_escape(name, strcspn(name, "\n"), out_bytes, out);
}

/* Does the process see other files than we do: another root, or the same one
 * in another mount namespace (a private /tmp)? */
static bool
sees_other_files(pid_t pid)
{
    static const char *const marks[] = {"root", "ns/mnt"};
    bool differs = false;
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        struct stat theirs;
        struct stat ours;
        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, marks[i]);
        if (stat(path, &theirs) != 0)
            continue;
        snprintf(path, sizeof path, "/proc/self/%s", marks[i]);
        differs |= stat(path, &ours) == 0 && (theirs.st_dev != ours.st_dev ||
                                              theirs.st_ino != ours.st_ino);
    }
    return differs;
}

bool
process_find(pid_t pid, struct process *out)
{
    char status[8192];
    if (pid <= 0 || read_proc(pid, "status", sizeof status, status) == 0)
        return false;
    /* A thread's id has a status file too, but leads another process. */
    if (field_number(status, "Tgid", 0) != (unsigned long)pid)
        return false;
    const char *state = find_field(status, "State");
    if (state != NULL && strchr("ZX", state[strspn(state, " \t")]) != NULL)
        return false;
    *out = (struct process){
        .pid = pid,
        .parent = (pid_t)field_number(status, "PPid", 0),
        .inner_pid = (pid_t)field_number(status, "NSpid", -1),
        .uid = (uid_t)field_number(status, "Uid", 1),
        .rss_bytes = field_number(status, "VmRSS", 0) * 1024,
        .has_other_files = sees_other_files(pid),
    };
    if (out->inner_pid <= 0)
        out->inner_pid = pid;
    out->inner_uid = inner_uid(pid, out->uid);
    read_command(pid, status, sizeof out->command, out->command);
    return true;
}

const char *
process_text(const struct process *process, char out[PROCESS_TEXT])
{
    char words[sizeof process->command] = "";
    const char *from = process->command;
    size_t n = 0;
    /* Paths by their last part: what tells processes apart comes first. */
    while (*from != '\0') {
        size_t word = strcspn(from, " ");
        size_t skip = 0;
        for (size_t i = 0; from[0] == '/' && i < word; i++)
            skip = from[i] == '/' && i + 1 < word ? i + 1 : skip;
        word += strspn(from + word, " ");
        memcpy(words + n, from + skip, word - skip);
        n += word - skip;
        from += word;
    }
    int cols;
    size_t fits = px_text_fit(words, n, PROCESS_COLS, &cols);
    snprintf(out, PROCESS_TEXT, "process %d (%.*s%s)", (int)process->pid,
             (int)fits, words, fits < n ? "…" : "");
    return out;
}

void
process_variable(pid_t pid, const char *name, size_t out_bytes, char *out)
{
    size_t max = 256 * 1024;
    size_t length = strlen(name);
    char *all = malloc(max);
    out[0] = '\0';
    if (all == NULL)
        return;
    size_t n = read_proc(pid, "environ", max, all);
    for (size_t at = 0; at < n; at += strlen(all + at) + 1) {
        if (strncmp(all + at, name, length) != 0 || all[at + length] != '=')
            continue;
        const char *value = all + at + length + 1;
        if (strlen(value) < out_bytes)
            memcpy(out, value, strlen(value) + 1);
        break;
    }
    free(all);
}

const char *
process_login(uid_t uid, char out[USER_TEXT])
{
    struct passwd entry;
    struct passwd *found = NULL;
    char buffer[2048];
    if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 &&
        found != NULL)
        snprintf(out, USER_TEXT, "%.40s", found->pw_name);
    else
        snprintf(out, USER_TEXT, "'#%u'", (unsigned)uid);
    return out;
}

const char *
process_user(uid_t uid, char out[USER_TEXT])
{
    char login[USER_TEXT];
    process_login(uid, login);
    if (login[0] == '\'')
        snprintf(out, USER_TEXT, "uid %u", (unsigned)uid);
    else
        snprintf(out, USER_TEXT, "%.40s (uid %u)", login, (unsigned)uid);
    return out;
}

/* ---- listeners ---- */

/* One line of /proc/net/tcp{,6}: is it a listener on this port that a
 * loopback connection would reach? The addresses are hexadecimal words in
 * the machine's order. */
static bool
parse_listener(const char *line, int family, int port, struct listener *out)
{
    char address[40];
    unsigned bound_port, state;
    unsigned long uid, inode;
    int fields = sscanf(line,
                        " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s "
                        "%*s %lu %*s %lu",
                        address, &bound_port, &state, &uid, &inode);
    if (fields != 5 || state != 0x0a || bound_port != (unsigned)port)
        return false;
    /* any address (:: takes both families), 127/8, ::ffff:127.…, ::1 */
    size_t n = strlen(address);
    bool is_any = strspn(address, "0") == n;
    bool is_v4 = (n == 8 || n == 32) && strcasecmp(address + n - 2, "7f") == 0;
    bool is_v6 = n == 32 && strcmp(address + 24, "01000000") == 0;
    bool takes_v4 = is_any || is_v4;
    bool takes_v6 = (is_any && n == 32) || is_v6;
    if (!(takes_v4 && family != AF_INET6) && !(takes_v6 && family != AF_INET))
        return false;
    out->uid = (uid_t)uid;
    out->inode = inode;
    return true;
}

bool
process_has_socket(pid_t pid, unsigned long inode)
{
    char path[64];
    char wanted[48];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    DIR *folder = opendir(path);
    bool found = false;
    while (folder != NULL && !found) {
        char link[64];
        struct dirent *entry = readdir(folder);
        if (entry == NULL)
            break;
        ssize_t n =
            readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
        if (n <= 0)
            continue;
        link[n] = '\0';
        found = strcmp(link, wanted) == 0;
    }
    if (folder != NULL)
        closedir(folder);
    return found;
}

static pid_t
find_socket_owner(unsigned long inode)
{
    DIR *folder = opendir("/proc");
    pid_t owner = 0;
    while (folder != NULL && owner == 0) {
        struct dirent *entry = readdir(folder);
        if (entry == NULL)
            break;
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (process_has_socket(pid, inode))
            owner = pid;
    }
    if (folder != NULL)
        closedir(folder);
    return owner;
}

bool
process_listener(int family, int port, struct listener *out)
{
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    bool found = false;
    for (size_t i = 0; i < 2 && !found; i++) {
        char line[512];
        FILE *table = fopen(tables[i], "re");
        while (table != NULL && !found &&
               fgets(line, sizeof line, table) != NULL)
            found = parse_listener(line, family, port, out);
        if (table != NULL)
            fclose(table);
    }
    if (found)
        out->pid = find_socket_owner(out->inode);
    return found;
}
