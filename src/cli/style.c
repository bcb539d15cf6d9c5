/* style.c — words on stdout and stderr: escaping, ASCII, colours, sentences.
 *
 * Everything from a target passes px_text_escape once more here, although
 * most of it already has: escaping is idempotent, and no second way leads to
 * the terminal. Colours only repeat what a word or sign already says.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* The signs that we print ourselves, and what stands for them in ASCII. */
static const char *const ascii_signs[][2] = {
    {"\xe2\x86\x92", "->"},  /* → */
    {"\xe2\x80\xa6", "..."}, /* … */
    {"\xe2\x96\xb6", ">"},   /* ▶ */
    {"\xc3\x97", "x"},       /* × */
    {"\xe2\x89\xa5", ">="},  /* ≥ */
    {"\xc2\xb7", "-"},       /* · */
    {"\xe2\x88\x92", "-"},   /* − */
};

/* Length of the UTF-8 character at `at`, and its number. */
static size_t
decode_char(const unsigned char *at, unsigned *out)
{
    size_t n = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    unsigned value = *at & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            *out = *at;
            return 1;
        }
        value = value << 6 | (at[i] & 0x3f);
    }
    *out = value;
    return n;
}

static void
to_ascii(const char *text, size_t out_bytes, char *out)
{
    size_t len = 0;
    while (*text != '\0' && len + 11 < out_bytes) {
        if ((unsigned char)*text < 0x80) {
            out[len++] = *text++;
            continue;
        }
        const char *sign = NULL;
        for (size_t i = 0; i < sizeof ascii_signs / sizeof *ascii_signs; i++) {
            size_t n = strlen(ascii_signs[i][0]);
            if (strncmp(text, ascii_signs[i][0], n) == 0) {
                sign = ascii_signs[i][1];
                text += n;
                break;
            }
        }
        if (sign != NULL) {
            len += (size_t)sprintf(out + len, "%s", sign);
            continue;
        }
        unsigned value;
        text += decode_char((const unsigned char *)text, &value);
        len += (size_t)sprintf(out + len,
                               value < 0x100     ? "\\x%02x"
                               : value < 0x10000 ? "\\u%04x"
                                                 : "\\U%08x",
                               value);
    }
    out[len] = '\0';
}

char *
cli_text(const struct cli *cli, const char *text, size_t out_bytes, char *out)
{
    if (!cli->ascii) {
        px_text_escape(text, strlen(text), out_bytes, out);
        return out;
    }
    char *plain = cli_alloc(out_bytes);
    px_text_escape(text, strlen(text), out_bytes, plain);
    to_ascii(plain, out_bytes, out);
    free(plain);
    return out;
}

/* The 16 colours of the user's own theme. */
static const char *const role_starts[CLI_ROLE_END] = {
    [CLI_TITLE] = "\033[1m", [CLI_TYPE] = "\033[36m",
    [CLI_NAME] = "\033[33m", [CLI_FAULT] = "\033[1;31m",
    [CLI_FAINT] = "\033[2m",
};

const char *
cli_role_start(bool color, enum cli_role role)
{
    return color && role_starts[role] != NULL ? role_starts[role] : "";
}

const char *
cli_role_stop(bool color, enum cli_role role)
{
    return color && role_starts[role] != NULL ? "\033[0m" : "";
}

static void __attribute__((format(printf, 3, 0)))
say(const struct cli *cli, const char *before, const char *format, va_list args)
{
    char text[1024], shown[1024];
    vsnprintf(text, sizeof text, format, args);
    if (cli->progress != NULL)
        cli_progress_clear(cli->progress);
    fprintf(stderr, "%s%s\n", before, cli_text(cli, text, sizeof shown, shown));
}

void
cli_note(const struct cli *cli, const char *format, ...)
{
    if (cli->opt.json && !cli->err_tty)
        return;
    va_list args;
    va_start(args, format);
    say(cli, "", format, args);
    va_end(args);
}

void
cli_warn(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(cli, "pyexplore: warning: ", format, args);
    va_end(args);
}

void
cli_hint(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(cli, "  ", format, args);
    va_end(args);
}

void
cli_out_flush(struct cli *cli)
{
    errno = 0;
    bool is_lost = fflush(stdout) != 0 || ferror(stdout);
    if (is_lost && cli->out_errno == 0)
        cli->out_errno = errno != 0 ? errno : EIO;
}

enum px_status
cli_out_check(struct cli *cli, struct px_err *err)
{
    cli_out_flush(cli);
    if (cli->out_errno == 0)
        return PX_OK;
    if (cli->out_errno == EPIPE) { /* `| head`: the reader has its fill */
        px_fail(err, PX_ECANCELED, "%s", "");
        return PX_ECANCELED;
    }
    return px_fail_errno(err, PX_EIO, cli->out_errno,
                         "cannot write the result");
}

bool
cli_ask(const struct cli *cli, const char *question)
{
    if (!cli->err_tty || !isatty(STDIN_FILENO))
        return false;
    if (cli->progress != NULL)
        cli_progress_clear(cli->progress);
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    char answer[16];
    ssize_t n = read(STDIN_FILENO, answer, sizeof answer);
    if (n <= 0)
        fputc('\n', stderr);
    return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

char *
cli_shell_quote(const char *text, size_t out_bytes, char *out)
{
    static const char safe[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "_-./:@%+=,[]";
    if (text[0] != '\0' && strspn(text, safe) == strlen(text)) {
        snprintf(out, out_bytes, "%s", text);
        return out;
    }
    size_t len = 0;
    out[len++] = '\'';
    for (; *text != '\0' && len + 6 < out_bytes; text++) {
        if (*text == '\'')
            len += (size_t)sprintf(out + len, "'\\''");
        else
            out[len++] = *text;
    }
    out[len++] = '\'';
    out[len] = '\0';
    return out;
}

void
cli_no_memory(void)
{
    fputs("pyexplore: out of memory\n", stderr);
    exit(px_status_exit(PX_ENOMEM));
}

void *
cli_realloc(void *old, size_t bytes)
{
    void *block = realloc(old, bytes == 0 ? 1 : bytes);
    if (block == NULL)
        cli_no_memory();
    return block;
}

void *
cli_alloc(size_t bytes)
{
    return cli_realloc(NULL, bytes);
}

char *
cli_dup(const char *text, size_t n)
{
    char *copy = cli_alloc(n + 1);
    memcpy(copy, text, n);
    copy[n] = '\0';
    return copy;
}
