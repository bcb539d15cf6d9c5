"""terminal.py: a program in a real terminal, for tests and for the demo.

One Terminal is one tmux server of its own (private socket folder, no
configuration) with one pane that runs one program.  The pane is a whole
terminal: alternate screen, mouse, resize, exit status.  Nothing here waits for
luck: every wait_* polls a condition until its deadline and then fails with the
screen as it stood.

    with Terminal(["pyexplore-tui", "localhost:9999"], cols=80, rows=24) as t:
        t.wait_for("Connection")
        t.keys("Down", "Enter")
        t.wait_for(r"refers to +\\d+", regex=True)
        assert t.row_of("Connection") == 3
        t.keys("q")
        assert t.wait_exit() == 0

Standard library only, Python 3.8 and later.

SPDX-License-Identifier: MIT
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

POLL_SECONDS = 0.02
DEADLINE = float(os.environ.get("PX_TEST_DEADLINE", "60"))

# What a program in the pane sees unless a test says otherwise.  LINES and
# COLUMNS are deliberately absent: curses would believe them and not the
# terminal, and a resize would go unseen.
PINNED = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "tmux-256color",
    "ESCDELAY": "25",
    "PYTHONHASHSEED": "0",
}
# What it inherits, when set.
INHERITED = (
    "PATH", "PYEXPLORE_DIR", "PYEXPLORE_KEY_FILE", "XDG_RUNTIME_DIR",
    "ASAN_OPTIONS", "UBSAN_OPTIONS", "PYEXPLORE_PRELOAD", "PX_TEST_DEADLINE",
    "TMPDIR",
)


class TerminalError(AssertionError):
    """A condition did not come true before its deadline."""


class Terminal:
    """A program in a terminal of cols × rows cells.

    Parameters
    ----------
    argv : list of str
        The program and its arguments, no shell.
    cols, rows : int
        The terminal's size.
    env : dict, optional
        Laid over PINNED; a value of None removes the variable.
    cwd : str, optional
        Where the program runs.
    """

    def __init__(self, argv, cols=80, rows=24, env=None, cwd=None):
        self.cols, self.rows = cols, rows
        self._folder = tempfile.mkdtemp(prefix="px-term-")
        variables = dict(PINNED, HOME=self._folder)
        for name in INHERITED:
            if name in os.environ:
                variables[name] = os.environ[name]
        variables.update(env or {})
        config = os.path.join(self._folder, "tmux.conf")
        with open(config, "w") as f:
            f.write(
                "set -g status off\n"
                "set -g remain-on-exit on\n"
                "set -g remain-on-exit-format ''\n"
                "set -g escape-time 0\n"
                "set -g mouse off\n"
                "set -g history-limit 5000\n"
                "set -g default-terminal tmux-256color\n"
                "set -g default-shell /bin/sh\n"
            )
        # tmux overwrites TERM; env(1) has the last word and a clean slate.
        command = ["env", "-i"]
        command += [
            "%s=%s" % item for item in variables.items() if item[1] is not None
        ]
        command += [str(word) for word in argv]
        self._env = {
            "PATH": os.environ["PATH"],
            "TMUX_TMPDIR": self._folder,
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
        }
        self._base = ["tmux", "-L", "px", "-f", config]
        try:
            self._tmux("new-session", "-d", "-s", "px", "-x", str(cols), "-y",
                       str(rows), "-c", str(cwd or os.getcwd()), "--",
                       *command)
            self._server = int(self._tmux("display-message", "-p", "#{pid}"))
            # of the pane: env(1) has become the program by exec
            self.pid = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _tmux(self, *args):
        done = subprocess.run(
            self._base + list(args), env=self._env, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60,
        )
        if done.returncode != 0:
            raise TerminalError("tmux %s: %s" % (
                args[0], done.stderr.decode("utf-8", "replace").strip()))
        return done.stdout.decode("utf-8", "replace").rstrip("\n")

    # ---- input ----
    def keys(self, *names):
        """Presses keys by tmux's names: "Down", "Enter", "C-c", "q"."""
        self._tmux("send-keys", "-t", "px", *names)

    def type(self, text):
        """Types text as it is."""
        self._tmux("send-keys", "-t", "px", "-l", "--", text)

    def raw(self, data):
        """Sends bytes as the terminal would, mouse reports for instance."""
        self._tmux("send-keys", "-t", "px", "-H",
                   *["%02x" % byte for byte in data])

    def click(self, col, row, button=0):
        """One press and release at a cell (0-based), in SGR encoding."""
        at = "%d;%d;%d" % (button, col + 1, row + 1)
        self.raw(("\x1b[<%sM\x1b[<%sm" % (at, at)).encode())

    def resize(self, cols, rows):
        self._tmux("resize-window", "-t", "px", "-x", str(cols), "-y",
                   str(rows))
        self.cols, self.rows = cols, rows

    def signal(self, number):
        """Sends a signal to the program."""
        os.kill(self.pid, number)

    # ---- output ----
    def lines(self):
        """The screen as a list of rows without trailing blanks."""
        rows = self._tmux("capture-pane", "-t", "px", "-p").split("\n")
        rows = [row.rstrip() for row in rows]
        return rows + [""] * (self.rows - len(rows))

    def screen(self):
        return "\n".join(self.lines())

    def ansi(self):
        """The screen with its colours and attributes as SGR sequences."""
        return self._tmux("capture-pane", "-t", "px", "-p", "-e", "-N")

    def scrollback(self):
        """All that was printed to the normal screen, and what is on it."""
        return self._tmux("capture-pane", "-t", "px", "-p", "-S", "-")

    def cursor(self):
        """(column, row) of the hardware cursor, 0-based."""
        col, row = self._tmux("display-message", "-p", "-t", "px",
                              "#{cursor_x} #{cursor_y}").split()
        return int(col), int(row)

    def alternate(self):
        """True while the program has the alternate screen."""
        return self._tmux("display-message", "-p", "-t", "px",
                          "#{alternate_on}") == "1"

    def row_of(self, text):
        """The first row that holds text, or -1."""
        for number, row in enumerate(self.lines()):
            if text in row:
                return number
        return -1

    # ---- waiting ----
    def wait_until(self, condition, what, timeout=None):
        """Polls condition(screen) and returns what true value it gave."""
        end = time.monotonic() + (timeout or DEADLINE)
        while True:
            screen = self.screen()
            value = condition(screen)
            if value:
                return value
            if time.monotonic() > end:
                raise TerminalError("waited for %s; the screen says:\n%s" % (
                    what, frame(screen, self.cols)))
            time.sleep(POLL_SECONDS)

    def wait_for(self, text, regex=False, timeout=None):
        """Waits until text (or a pattern) is on the screen."""
        if regex:
            return self.wait_until(
                lambda screen: re.search(text, screen, re.M), text, timeout)
        return self.wait_until(lambda screen: text in screen, repr(text),
                               timeout)

    def wait_gone(self, text, timeout=None):
        """Waits until text is no longer on the screen."""
        return self.wait_until(lambda screen: text not in screen,
                               "%r to go" % text, timeout)

    def wait_exit(self, timeout=None):
        """Waits until the program has ended; its status, -N for signal N.

        tmux may learn of the end before it has read the last output, and
        then never read it: what a program says as it ends, ask outcome().
        """
        end = time.monotonic() + (timeout or DEADLINE)
        while True:
            dead, status, number = (self._tmux(
                "display-message", "-p", "-t", "px",
                "#{pane_dead}:#{pane_dead_status}:#{pane_dead_signal}"
            ) + "::").split(":")[:3]
            if dead == "1" and (status or number):
                return int(status) if status else -int(number)
            # tmux 3.3 does not reap a program whose end of output it saw
            # before its SIGCHLD: the kernel still has the status then
            code = zombie_status(self.pid) if dead == "1" else None
            if code is not None:
                return code
            if time.monotonic() > end:
                raise TerminalError("the program did not end; screen:\n%s" % (
                    frame(self.screen(), self.cols)))
            time.sleep(POLL_SECONDS)

    def close(self):
        """Ends the tmux server and, with it, the program."""
        if self._folder is None:
            return
        pid = getattr(self, "pid", None)
        try:
            self._tmux("kill-server")
        except (TerminalError, subprocess.TimeoutExpired):
            pass
        if pid is not None:
            end = time.monotonic() + 5
            while alive(pid) and time.monotonic() < end:
                time.sleep(POLL_SECONDS)
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None


def outcome(argv, **how):
    """Runs a program that ends by itself; its status and the screen.

    A shell stays behind the program, so that tmux reads all of its output.
    """
    script = '"$@"; echo "status=$?"; read line'
    with Terminal(["/bin/sh", "-c", script, "sh"] + list(argv), **how) as t:
        t.wait_for(r"^status=\d+", regex=True)
        screen = t.screen()
    return int(re.search(r"^status=(\d+)", screen, re.M).group(1)), screen


def alive(pid):
    """True while the process exists and is no zombie."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def zombie_status(pid):
    """The status of an ended process that nobody reaped, else None."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] != "Z":
        return None
    code = int(fields[49])  # exit_code, field 52 of proc(5)
    return -(code & 0x7f) if code & 0x7f else code >> 8


def frame(screen, cols):
    """A screen in a box, so that a log shows where it ends."""
    rule = "+" + "-" * cols + "+"
    return "\n".join([rule] + ["|" + row for row in screen.split("\n")]
                     + [rule])
