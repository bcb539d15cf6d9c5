/* term.c — the terminal, by ncurses. No other file includes it.
 *
 * Every cell of the screen is given to ncurses at each draw; it sends only
 * what differs. raw() hands us Ctrl-C and Ctrl-Z as keys, so that both leave
 * the terminal clean. After a crash the saved termios and the sequence that
 * leaves the alternate screen are written by hand: nothing of ncurses is safe
 * in a signal handler.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/term.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "tui/app.h"
#include "tui/keymap.h"
#include "tui/mem.h"
#include "tui/sequence.h"

/* Last: they define macros with names as common as `columns`. */
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <term.h>

#define ESC_MS 25
/* Codes of ours. From KEY_MAX on ncurses numbers the keys that only one
 * description has (_nc_init_keytry): Ctrl-Down of rxvt, for one. */
#define CODE_ALT_LEFT (KEY_MAX + 1000)
#define CODE_ALT_RIGHT (KEY_MAX + 1001)

struct terminal {
    SCREEN *screen;
    attr_t attributes[ROLE_END];
    short pairs[ROLE_END];
    bool is_paste; /* what comes is pasted text */
};

/* What a crash needs; written once before its handlers are set. */
static struct {
    volatile sig_atomic_t is_open;
    struct termios before;
    char leave[96];
    size_t leave_bytes;
} rescue;

/* From here on the terminal says what is pasted (BE), or no longer (BD): of
 * those that have it. What was meant for another window would be keys. */
static void
bracket_pastes(bool is_on)
{
    const char *text = tigetstr(is_on ? "BE" : "BD");
    if (text == NULL || text == (const char *)-1)
        return;
    fputs(text, stdout);
    fflush(stdout);
}

static void
leave_screen(void)
{
    bracket_pastes(false);
    endwin();
}

static void
restore_by_hand(void)
{
    if (!rescue.is_open)
        return;
    rescue.is_open = 0;
    ssize_t n = write(STDOUT_FILENO, rescue.leave, rescue.leave_bytes);
    (void)n;
    tcsetattr(STDIN_FILENO, TCSANOW, &rescue.before);
}

static void
on_crash(int signal_number)
{
    restore_by_hand();
    /* SA_RESETHAND: the second one ends us with its core dump. */
    raise(signal_number);
}

static void
on_exit_restore(void)
{
    if (rescue.is_open) {
        rescue.is_open = 0;
        leave_screen();
    }
}

static void
prepare_rescue(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    const char *leave = tigetstr("rmcup");
    const char *show = tigetstr("cnorm");
    const char *plain = tigetstr("sgr0");
    const char *parts[] = {"\x1b[?1000l\x1b[?1006l", tigetstr("BD"), plain,
                           show, leave};
    rescue.leave_bytes = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        /* The first only where the terminal was told to send the mouse. */
        bool has = parts[i] != NULL && parts[i] != (const char *)-1 &&
                   (i > 0 || tigetstr("kmous") > (char *)0);
        size_t n = has ? strlen(parts[i]) : 0;
        if (rescue.leave_bytes + n <= sizeof rescue.leave) {
            memcpy(rescue.leave + rescue.leave_bytes, has ? parts[i] : "", n);
            rescue.leave_bytes += n;
        }
    }
    rescue.is_open = 1;
    struct sigaction action = {.sa_handler = on_crash,
                               .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
    static bool is_registered;
    if (!is_registered)
        atexit(on_exit_restore);
    is_registered = true;
}

static attr_t
attributes_of(unsigned style)
{
    attr_t attributes = A_NORMAL;
    if (style & STYLE_BOLD)
        attributes |= A_BOLD;
    if (style & STYLE_DIM)
        attributes |= A_DIM;
    if (style & STYLE_REVERSE)
        attributes |= A_REVERSE;
    if (style & STYLE_UNDERLINE)
        attributes |= A_UNDERLINE;
    return attributes;
}

/* One pair for each role: there are fewer than 64, the least that terminals
 * with colours have. */
static void
prepare_colors(struct terminal *term, const struct term_options *options)
{
    int n = options->colors;
    if (n > 0 && has_colors() && start_color() == OK) {
        use_default_colors();
        n = COLORS < n ? COLORS : n;
    } else {
        n = 0;
    }
    for (int role = 0; role < ROLE_END; role++) {
        const struct style *style = &options->theme->styles[role];
        if (n < 8) {
            term->attributes[role] = attributes_of(style->mono);
            term->pairs[role] = 0;
            continue;
        }
        short fg = n >= 256 ? style->fg256 : style->fg8;
        short bg = n >= 256 ? style->bg256 : style->bg8;
        term->attributes[role] = attributes_of(style->attributes);
        term->pairs[role] = 0;
        if ((fg >= 0 || bg >= 0) && role + 1 < COLOR_PAIRS &&
            init_pair((short)(role + 1), fg, bg) == OK)
            term->pairs[role] = (short)(role + 1);
    }
}

/* newterm prints and exits on its own for some that are not. */
static bool
is_described(const char *name)
{
    int problem = 0;
    if (setupterm(name, STDOUT_FILENO, &problem) != OK)
        return false;
    del_curterm(cur_term); /* newterm makes its own */
    return true;
}

/* $TERM first; where its description is missing, as on hosts without
 * ncurses-term, one that most terminals understand. */
static SCREEN *
open_screen(struct px_err *err)
{
    static const char *const others[] = {"xterm-256color", "xterm", "vt100",
                                         "linux", "ansi"};
    const char *name = getenv("TERM");
    if (name == NULL || name[0] == '\0')
        name = "unknown";
    if (is_described(name))
        return newterm(name, stdout, stdin);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (is_described(others[i]))
            return newterm(others[i], stdout, stdin);
    }
    px_fail(err, PX_EUNSUPPORTED,
            "no description of the terminal '%s' in the terminfo database",
            name);
    px_err_hint(err, "install ncurses-base, or set TERM or TERMINFO, or use "
                     "pyexplore-tui --plain");
    return NULL;
}

struct terminal *
term_open(const struct term_options *options, struct px_err *err)
{
    if (tcgetattr(STDIN_FILENO, &rescue.before) != 0) {
        px_fail_errno(err, PX_EUNSUPPORTED, errno, "cannot use the terminal");
        return NULL;
    }
    SCREEN *screen = open_screen(err);
    if (screen == NULL) {
        if (err->msg[0] == '\0')
            px_fail(err, PX_EUNSUPPORTED, "the terminal cannot be opened");
        return NULL;
    }
    struct terminal *term = mem_new(1, sizeof *term);
    term->screen = screen;
    set_term(screen);
    set_escdelay(ESC_MS);
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    define_key("\x1b[1;3D", CODE_ALT_LEFT);
    define_key("\x1b[1;3C", CODE_ALT_RIGHT);
    prepare_colors(term, options);
    if (options->mouse) {
        mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED |
                      BUTTON4_PRESSED | BUTTON5_PRESSED,
                  NULL);
        mouseinterval(0);
    }
    prepare_rescue();
    bracket_pastes(true);
    return term;
}

void
term_close(struct terminal *term)
{
    if (term == NULL)
        return;
    if (rescue.is_open) {
        rescue.is_open = 0;
        leave_screen();
    }
    delscreen(term->screen);
    free(term);
}

void
term_size(struct terminal *term, int *rows, int *cols)
{
    struct winsize size;
    (void)term;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        size.ws_col > 0 && (size.ws_row != LINES || size.ws_col != COLS))
        resizeterm(size.ws_row, size.ws_col);
    *rows = LINES;
    *cols = COLS;
}

static void
draw_cell(const struct terminal *term, const struct cell *cell)
{
    wchar_t text[CCHARW_MAX + 1];
    cchar_t shown;
    size_t n = mbstowcs(text, cell->text, CCHARW_MAX);
    if (n == (size_t)-1 || n == 0) {
        text[0] = L'?';
        n = 1;
    }
    text[n < CCHARW_MAX ? n : CCHARW_MAX] = L'\0';
    setcchar(&shown, text, term->attributes[cell->role],
             term->pairs[cell->role], NULL);
    add_wch(&shown);
}

void
term_draw(struct terminal *term, const struct screen *screen, bool is_repaint)
{
    if (is_repaint)
        clearok(stdscr, TRUE);
    erase();
    for (int row = 0; row < screen->rows && row < LINES; row++) {
        for (int col = 0; col < screen->cols && col < COLS; col++) {
            const struct cell *cell =
                &screen
                     ->cells[(size_t)row * (size_t)screen->cols + (size_t)col];
            /* A wide character and ncurses may disagree about its width:
             * each cell is placed by itself. */
            if (cell->width == 0 || move(row, col) == ERR)
                continue;
            draw_cell(term, cell);
        }
    }
    if (screen->cursor_row >= 0) {
        move(screen->cursor_row, screen->cursor_col);
        curs_set(1);
    } else {
        curs_set(0);
    }
    refresh();
}

static const struct {
    int code;
    int32_t key;
} special_keys[] = {
    {KEY_UP, KEYS_UP},
    {KEY_DOWN, KEYS_DOWN},
    {KEY_LEFT, KEYS_LEFT},
    {KEY_RIGHT, KEYS_RIGHT},
    {KEY_HOME, KEYS_HOME},
    {KEY_END, KEYS_END},
    {KEY_FIND, KEYS_HOME},
    {KEY_SELECT, KEYS_END},
    {KEY_PPAGE, KEYS_PAGE_UP},
    {KEY_NPAGE, KEYS_PAGE_DOWN},
    {KEY_BACKSPACE, KEYS_BACKSPACE},
    {KEY_DC, KEYS_DELETE},
    {KEY_BTAB, KEYS_BACKTAB},
    {KEY_ENTER, KEYS_ENTER},
    {KEY_F(1), KEYS_F1},
    {KEY_F(10), KEYS_F10},
    {CODE_ALT_LEFT, KEYS_ALT_LEFT},
    {CODE_ALT_RIGHT, KEYS_ALT_RIGHT},
};

static bool
read_mouse(struct term_input *input)
{
    /* Two clicks at the same place within this time are a double click. */
    static const long double_ms = 400;
    static struct {
        struct timespec time;
        int row, col;
    } last;
    MEVENT event;
    if (getmouse(&event) != OK)
        return false;
    input->kind = TERM_MOUSE;
    input->row = event.y;
    input->col = event.x;
    if (event.bstate & BUTTON4_PRESSED) {
        input->mouse = MOUSE_WHEEL_UP;
    } else if (event.bstate & BUTTON5_PRESSED) {
        input->mouse = MOUSE_WHEEL_DOWN;
    } else if (event.bstate & BUTTON1_DOUBLE_CLICKED) {
        /* Clicks that came in one piece are joined by ncurses. */
        input->mouse = MOUSE_DOUBLE;
    } else if (event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        long ms = (now.tv_sec - last.time.tv_sec) * 1000 +
                  (now.tv_nsec - last.time.tv_nsec) / 1000000;
        bool is_double = last.time.tv_sec != 0 && ms < double_ms &&
                         last.row == event.y && last.col == event.x;
        input->mouse = is_double ? MOUSE_DOUBLE : MOUSE_CLICK;
        last.time = now;
        last.row = event.y;
        last.col = event.x;
        if (is_double)
            last.time.tv_sec = 0;
    } else {
        return false;
    }
    return true;
}

/* What follows an ESC at once: a key or a report that curses does not know.
 * False: ESC was a key by itself, and what else has come is still to be read.
 */
static bool
read_sequence(int32_t *key, bool *is_paste)
{
    char text[SEQUENCE_BYTES];
    size_t n = 0;
    enum sequence_state state = SEQUENCE_OPEN;
    wint_t code = 0;
    int kind = OK;
    while (state == SEQUENCE_OPEN && (kind = get_wch(&code)) == OK &&
           code < 0x80) {
        /* One that is too long is read to its end all the same. */
        n += n < sizeof text;
        text[n - 1] = (char)code;
        state = sequence_look(text, n);
        timeout(ESC_MS);
    }
    nodelay(stdscr, TRUE);
    *key = state == SEQUENCE_WHOLE ? sequence_key(text, n) : 0;
    if (state == SEQUENCE_WHOLE && n == 5 && memcmp(text, "[20", 3) == 0 &&
        text[4] == '~')
        *is_paste = text[3] == '0';
    if (state == SEQUENCE_WHOLE)
        return true;
    if (state == SEQUENCE_OPEN && kind == KEY_CODE_YES)
        ungetch((int)code);
    else if (state == SEQUENCE_OPEN && kind == OK)
        unget_wch((wchar_t)code);
    while (n > 0)
        unget_wch((wchar_t)text[--n]);
    return false;
}

struct term_input
term_next(struct terminal *term)
{
    for (;;) {
        struct term_input input = {.kind = TERM_NOTHING};
        wint_t code = 0;
        int kind = get_wch(&code);
        if (kind == ERR)
            return input;
        /* Ctrl-C also ends a paste whose end was lost. */
        if (kind == OK && code == 'C' - 64)
            term->is_paste = false;
        if (kind == OK && code == KEYS_ESC &&
            read_sequence(&input.key, &term->is_paste)) {
            if (term->is_paste)
                continue;
            input.kind = TERM_KEY;
            if (input.key != 0)
                return input;
            continue;
        }
        if (kind != KEY_CODE_YES) {
            input.kind = term->is_paste ? TERM_PASTE : TERM_KEY;
            input.key = code == 127    ? KEYS_BACKSPACE
                        : code == 8    ? KEYS_BACKSPACE
                        : code == '\n' ? KEYS_ENTER
                                       : (int32_t)code;
            return input;
        }
        if (term->is_paste)
            continue;
        if (code == KEY_MOUSE) {
            if (read_mouse(&input))
                return input;
            continue;
        }
        for (size_t i = 0; i < sizeof special_keys / sizeof special_keys[0];
             i++) {
            if (special_keys[i].code == (int)code) {
                input.kind = TERM_KEY;
                input.key = special_keys[i].key;
                return input;
            }
        }
        /* KEY_RESIZE and keys that we have no name for. */
    }
}

void
term_suspend(struct terminal *term)
{
    (void)term;
    def_prog_mode();
    leave_screen();
    /* The whole foreground job, as the terminal's driver would: `sudo
     * pyexplore-tui` must stop too. */
    struct sigaction plain = {.sa_handler = SIG_DFL}, before;
    sigemptyset(&plain.sa_mask);
    sigaction(SIGTSTP, &plain, &before);
    kill(0, SIGTSTP);
    sigaction(SIGTSTP, &before, NULL);
    reset_prog_mode();
    bracket_pastes(true);
    refresh();
}

/* RFC 4648 */
static void
write_base64(FILE *out, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                 "stuvwxyz0123456789+/";
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i += 3) {
        unsigned bits = (unsigned)(unsigned char)text[i] << 16;
        if (i + 1 < n)
            bits |= (unsigned)(unsigned char)text[i + 1] << 8;
        if (i + 2 < n)
            bits |= (unsigned)(unsigned char)text[i + 2];
        for (size_t k = 0; k < 4; k++)
            fputc(i + k > n ? '=' : digits[bits >> (18 - 6 * k) & 63], out);
    }
}

void
term_copy(struct terminal *term, const char *text)
{
    const char *name = termname();
    (void)term;
    /* vt100 and the Linux console print what they do not know. */
    if (name == NULL || strcmp(name, "linux") == 0 ||
        strncmp(name, "vt", 2) == 0)
        return;
    fputs("\x1b]52;c;", stdout);
    write_base64(stdout, text);
    fputs("\a", stdout);
    fflush(stdout);
}
