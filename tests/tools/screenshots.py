"""screenshots.py: writes screenshots/*.svg and *.png from real runs.

A leaking server is started, the explorer opened on it in a terminal, and each
screen that the README shows is taken with its colours.  rich (in a virtual
environment of its own) draws the SVG, rsvg-convert the PNG.  Nothing is drawn
by hand: a picture that looks wrong is a fault of the program.

Environment: BUILD.  Arguments: names of shots; all without any.

SPDX-License-Identifier: MIT
"""
import hashlib
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "e2e"))
BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
os.environ.setdefault("PYEXPLORE_BUILD", str(BUILD))

from demo import Walk
from harness import CLI, LEAK_SERVER, REPOSITORY, TUI, Target
from terminal import Terminal

SHOTS = REPOSITORY / "screenshots"
REQUIREMENTS = ["rich>=13"]

DRAW = """
import sys
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text
cols, rows, title, target = sys.argv[1:]
theme = TerminalTheme(
    (22, 24, 29), (214, 216, 220),
    [(22, 24, 29), (224, 108, 117), (152, 195, 121), (229, 192, 123),
     (97, 175, 239), (198, 120, 221), (86, 182, 194), (171, 178, 191)],
    [(92, 99, 112), (240, 128, 136), (172, 215, 141), (245, 210, 143),
     (127, 195, 250), (214, 150, 235), (116, 205, 215), (255, 255, 255)])
console = Console(record=True, width=int(cols), height=int(rows),
                  force_terminal=True, color_system="truecolor",
                  legacy_windows=False, file=open("/dev/null", "w"))
lines = sys.stdin.read().split("\\n")[:int(rows)]
if len(lines) < int(rows):
    lines.append("")  # rich cuts the undersides of the last one
for line in lines:
    text = Text.from_ansi(line, no_wrap=True, end="")
    text.pad_right(max(0, int(cols) - text.cell_len))
    console.print(text, no_wrap=True, overflow="crop", crop=True)
console.save_svg(target, title=title, theme=theme)
"""


def painter():
    """The interpreter of a virtual environment that has rich."""
    folder = BUILD / "venv" / "pictures"
    inside = folder / "bin" / "python"
    stamp = folder / "requirements.sha256"
    wanted = hashlib.sha256("\n".join(REQUIREMENTS).encode()).hexdigest()
    if not (stamp.exists() and stamp.read_text() == wanted):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)],
                       check=True)
        subprocess.run([str(inside), "-m", "pip", "install", "-q"]
                       + REQUIREMENTS, check=True)
        stamp.write_text(wanted)
    return str(inside)


CELL = 12.2  # rich's width of a cell in pixels
FONT = "font-size: %.3fpx" % (CELL / 0.60205)  # so that DejaVu fills it


def settle(text):
    """rich's SVG for any renderer: a font that Debian has, cells of its width
    without textLength, and no text that begins with blanks, which librsvg
    drops."""
    text = re.sub(r"@font-face \{.*?\}", "", text, flags=re.S)
    text = text.replace("Fira Code", "DejaVu Sans Mono")
    text = text.replace("font-size: 20px", FONT)
    # each row is clipped to its cell, which cuts underscores off
    text = re.sub(r' clip-path="url\([^)]*-line-\d+\)"', "", text)

    def shift(found):
        blanks = len(found.group(3)) // len("&#160;")
        x = float(found.group(2)) + blanks * CELL
        return "%sx=\"%.1f\"%s>" % (found.group(1), x, re.sub(
            r' textLength="[^"]*"', "", found.group(4)))

    return re.sub(r'(<text class="[^"]*" )x="([^"]*)"'
                  r'(?=[^>]*>((?:&#160;)*))([^>]*)>(?:&#160;)*', shift, text)


class Album:
    def __init__(self, wanted):
        self.wanted = wanted
        self.python = painter()
        self.taken = []

    def take(self, name, terminal, title):
        """The terminal's screen as screenshots/NAME.svg and NAME.png."""
        if self.wanted and name not in self.wanted:
            return
        SHOTS.mkdir(exist_ok=True)
        svg, png = SHOTS / (name + ".svg"), SHOTS / (name + ".png")
        subprocess.run(
            [self.python, "-c", DRAW, str(terminal.cols), str(terminal.rows),
             title, str(svg)], input=terminal.ansi(), check=True,
            universal_newlines=True)
        svg.write_text(settle(svg.read_text()))
        subprocess.run(["rsvg-convert", "--zoom", "1.0", "-o", str(png),
                        str(svg)], check=True)
        self.taken.append(name)
        print("  %s" % png.relative_to(REPOSITORY), flush=True)


def explorer(album, target):
    """What grows, who is accused, then the way of the demo."""
    title = "pyexplore-tui " + target
    with Terminal([TUI, target], cols=100, rows=30,
                  env={"COLORTERM": "truecolor"}) as terminal:
        walk = Walk(terminal)
        walk.begin()
        terminal.type(":auto 1\n")
        terminal.wait_for("▁.*▂.*▄.*▆.*█", regex=True)
        terminal.wait_for(r"● \S*Connection grows", regex=True)
        terminal.keys("a")
        terminal.wait_for("snapshots by hand again")
        terminal.wait_gone("≥ …")
        walk.select(r"\bConnection\s")
        album.take("types", terminal, title)
        terminal.keys("!")
        terminal.wait_for("‹ at fault")
        album.take("suspects", terminal, title)
        terminal.keys("+")
        terminal.wait_for("grew every time")
        terminal.wait_for("‹ at fault")
        album.take("growth", terminal, title)
        terminal.keys("F")
        terminal.wait_for("thread MainThread")
        album.take("threads", terminal, title)
        terminal.type(":goto instances:Connection\n")
        terminal.wait_for(r"\b[0-9a-f]{8,16}\b", regex=True)
        album.take("instances", terminal, title)
        terminal.keys("Enter")
        terminal.wait_for("refers to")
        album.take("object", terminal, title)
        terminal.keys("p")
        terminal.wait_for("_CONNECTIONS")
        album.take("path", terminal, title)
        terminal.keys("O")
        terminal.wait_for("‹ cut here")
        album.take("cycles", terminal, title)
        terminal.keys("?")
        terminal.wait_for("Going")
        album.take("help", terminal, title)


def command_line(album, target):
    """What the commands print, as one sees it in a terminal."""
    commands = [["types", target, "-n", "8"], ["path", target, "Connection"]]
    script = "; ".join(
        "printf '\\033[1;32m$\\033[0m pyexplore %s\\n'; %s %s; echo" % (
            " ".join(words), CLI, " ".join(words)) for words in commands)
    with Terminal(["sh", "-c", script], cols=100, rows=30) as terminal:
        terminal.wait_exit()
        terminal.wait_for("[*]")
        album.take("commands", terminal, "pyexplore")


def main(wanted):
    album = Album(wanted)
    server = Target([sys.executable, LEAK_SERVER, "list", "--tell", "1200",
                     "--rate", "400"])
    try:
        serving = server.event("serving")
        server.event("leaked")
        target = (serving["address"] or str(server.pid)).replace(
            "127.0.0.1", "localhost")
        explorer(album, target)
        command_line(album, target)
    finally:
        server.close()
    missing = set(wanted) - set(album.taken)
    if missing:
        print("no such picture: " + " ".join(sorted(missing)),
              file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
