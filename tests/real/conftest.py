"""Prints what tests/real found: for each program on each Python, how much of
it is named and how many of pymalloc's blocks are accounted for: `known` with
the strays, of which only a type word says what they are, and `sure` without.

SPDX-License-Identifier: MIT
"""


def _share(part, whole):
    return 100.0 - 100.0 * part / whole


def _sure(figures):
    strays = sum(n for _, n in figures["strays"])
    return _share(figures["unknown"] + strays, figures["blocks"])


def _rows(rows):
    return ", ".join("%s %d" % tuple(row) for row in rows) or "none"


def _lines(figures):
    yield "%-10s %-5s %9s %9s %8s %9s %8s %8s" % (
        "program", "on", "objects", "edges", "named", "blocks", "known",
        "sure")
    for f in figures:
        yield "%-10s %-5s %9d %9d %7.3f%% %9d %7.3f%% %7.3f%%" % (
            f["program"], f["python"], f["objects"], f["edges"],
            _share(f["unnamed"], f["edges"]), f["blocks"],
            _share(f["unknown"], f["blocks"]), _sure(f))
        yield "    not named: " + _rows(f["by_type"])
        yield "    unknown blocks by bytes: " + _rows(
            sorted(f["by_size"].items()))
        yield "    strays: " + _rows(f["strays"][:8])
    yield ("smallest: %.3f %% of edges named, %.3f %% of blocks known, "
           "%.3f %% without strays" % (
               min(_share(f["unnamed"], f["edges"]) for f in figures),
               min(_share(f["unknown"], f["blocks"]) for f in figures),
               min(map(_sure, figures))))


def pytest_terminal_summary(terminalreporter):
    figures = [value for reports in terminalreporter.stats.values()
               for report in reports
               for name, value in getattr(report, "user_properties", ())
               if name == "figures" and report.when == "call"]
    if figures:
        figures.sort(key=lambda f: (f["program"], len(f["python"]),
                                    f["python"]))
        terminalreporter.write_line("")
        for line in _lines(figures):
            terminalreporter.write_line(line)
