"""keys.py: how soon the explorer answers a key, in a terminal of its own.

    python keys.py EXPLORER FILE

Opens FILE, waits until the screen is quiet, presses keys and prints one line
of JSON: for each key the milliseconds until the screen begins to change.
"""
import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

QUIET_S = 1.0
LOAD_S = 600
ANSWER_S = 10
# Each changes something on the screen wherever the one before it has led.
KEYS = (("down", b"j"), ("page down", b"\x1b[6~"), ("bottom", b"$"),
        ("top", b"g"), ("help", b"?"), ("back", b"\x7f"), ("instances", b"\r"),
        ("down", b"j"), ("page down", b"\x1b[6~"), ("bottom", b"$"),
        ("object", b"\r"), ("path", b"p"), ("back", b"\x7f"),
        ("back", b"\x7f"), ("back", b"\x7f"), ("bottom", b"$"),
        ("top", b"g"))


def read_until_quiet(fd, quiet_s, most_s, needle=None):
    """All output until nothing comes for quiet_s and `needle` was seen."""
    text, end = b"", time.monotonic() + most_s
    while time.monotonic() < end:
        ready, _, _ = select.select([fd], [], [], quiet_s)
        if ready:
            text += os.read(fd, 65536)
        elif needle is None or needle in text:
            return text
    raise SystemExit("keys.py: the explorer was not quiet in time")


def press(fd, key):
    start = time.perf_counter()
    os.write(fd, key)
    ready, _, _ = select.select([fd], [], [], ANSWER_S)
    took = time.perf_counter() - start
    read_until_quiet(fd, QUIET_S / 4, LOAD_S)
    return took * 1000 if ready else None


def main():
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", LC_ALL="C.UTF-8")
        os.execv(sys.argv[1], [sys.argv[1], sys.argv[2]])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    read_until_quiet(fd, QUIET_S, LOAD_S, b"heap.")
    answers = [(name, press(fd, key)) for name, key in KEYS]
    os.write(fd, b"\x03q")
    os.close(fd)
    os.waitpid(pid, 0)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
