"""suite.py: runs the stages of `make test` and sums them into one line.

Usage (by the Makefile): suite.py test|full|unit|agent|e2e|real|sid [ARGUMENT…]
Further arguments come from the variable T, in a shell's quotes.

Stages: the cmocka units, the units with tiny buffers, the agent's tests in a
virtual environment of each Python found, the programs in a terminal, real
programs with their libraries (only a sample in `test`).  The last line is
`N passed, N failed`.  The exit status is 0 only if nothing failed, no stage
passed fewer tests than tests/expected says, and every skip is on its list.  `full` runs everything on every Python and then the lot again
under the address and undefined-behaviour sanitizers.

Environment: BUILD, MAKE, CC, SANITIZE, PYTHONS (the first is PYTHON=), SID
(the folder of sid.sh's chroot), SID_PYTHONS (the versions that it must have),
SLOW=1 (also what is marked slow),
SYSTEM_PACKAGES=1 (what the tests need is installed: no virtual environment).

SPDX-License-Identifier: MIT
"""
import fnmatch
import hashlib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TESTS = REPOSITORY / "tests"
BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
SID_VERSIONS = "3.14 3.15"  # or SID_PYTHONS; each must make a report
FULL_VERSIONS = ("3.8", "3.11", "3.13")  # the others run what is marked smoke
STAGE_SECONDS = 40 * 60
UNIT_SECONDS = 300
UNIT_FULL_SECONDS = 1800


class Results:
    """What ran: counts, the names that failed, the skips."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.complaints = []

    def add(self, stage, passed, failed, skipped, seconds):
        self.passed += passed
        self.failed += ["%s: %s" % (stage, name) for name in failed]
        self.skipped += ["%s: %s" % (stage, name) for name in skipped]
        print("== %-22s %4d passed, %d failed, %d skipped in %.0f s" % (
            stage, passed, len(failed), len(skipped), seconds), flush=True)


def say(text):
    print("== " + text, flush=True)


def make(*words, sanitize=None, quiet=True):
    """Runs make with this build's settings; False if it failed."""
    command = [os.environ.get("MAKE", "make"), "-j2", "-C", str(REPOSITORY),
               "--no-print-directory", "BUILD=%s" % BUILD]
    command += ["CC=%s" % os.environ["CC"]] if os.environ.get("CC") else []
    command += ["SANITIZE=%s" % sanitize] if sanitize else []
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES",
                           "SANITIZE")}
    done = subprocess.run(
        command + list(words), env=env, universal_newlines=True,
        stdout=subprocess.PIPE if quiet else None, stderr=subprocess.STDOUT
        if quiet else None)
    if done.returncode != 0 and quiet:
        print(done.stdout, flush=True)
    return done.returncode == 0


def flavour(sanitize, tiny=False):
    """The folder that the Makefile uses for these settings."""
    cc = pathlib.Path((os.environ.get("CC") or "gcc").split()[0]).name
    words = [] if cc in ("gcc", "cc") else [cc]
    words += ["san-" + sanitize.replace(",", "-")] if sanitize else []
    words += ["tiny"] if tiny else []
    return BUILD / "+".join(words) if words else BUILD


def goal(path):
    """What the Makefile calls a file: in the tree by its way from there."""
    if REPOSITORY in path.parents:
        path = path.relative_to(REPOSITORY)
    return str(path)


# ---- C units ----
TAP = re.compile(r"^\s*(not ok|ok) \d+ - (.*?)(\s+# [Ss][Kk][Ii][Pp].*)?$")


def unit_stage(results, stage, sanitize, tiny, only="", full=False):
    """Builds and runs every tests/unit/test_*.c; `full`: with the sizes that
    take minutes."""
    started = time.monotonic()
    sources = sorted((TESTS / "unit").glob("test_*.c"))
    names = [s.stem for s in sources if only in s.stem]
    folder = flavour(sanitize, tiny)
    programs = [(name, [folder / "unit" / name]) for name in names]
    for target in sorted((TESTS / "fuzz").glob("*.c")):
        corpus = sorted((TESTS / "fuzz" / "corpus" / target.stem).glob("*"))
        if target.stem == "replay" or tiny or only not in target.stem:
            continue
        programs.append(("fuzz_" + target.stem,
                         [folder / "replay" / target.stem] + corpus))
    extra = ["TINY=1"] if tiny else []
    goals = [goal(command[0]) for _, command in programs]
    if goals and not make("-k", *extra, *goals, sanitize=sanitize):
        results.complaints.append("%s: a build failed" % stage)
    passed, failed, skipped = 0, [], []
    for name, command in programs:
        ok, bad, skip = run_unit(name, command, sanitize, full)
        passed += ok
        failed += bad
        skipped += skip
    results.add(stage, passed, failed, skipped, time.monotonic() - started)
    return passed


def run_unit(name, command, sanitize, full=False):
    """One program that speaks TAP; a crash counts as a failure, and so does
    one without a single test."""
    if not os.path.exists(command[0]):
        return 0, [name + " (was not built)"], []
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", TZ="UTC",
               LC_ALL="C.UTF-8", PX_SOURCE=str(REPOSITORY))
    seconds = UNIT_FULL_SECONDS if full else UNIT_SECONDS
    if full:
        env["PX_TEST_FULL"] = "1"
    if sanitize:
        env["ASAN_OPTIONS"] = "detect_leaks=1:allocator_may_return_null=1"
    try:
        done = subprocess.run(
            [str(word) for word in command], env=env, cwd=str(REPOSITORY), timeout=seconds,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return 0, ["%s (no end after %d s)" % (name, seconds)], []
    text = done.stdout.decode("utf-8", "replace")
    passed, failed, skipped = 0, [], []
    for line in text.splitlines():
        found = TAP.match(line)
        if not found:
            continue
        label = "%s/%s" % (name, found.group(2))
        if found.group(1) == "not ok":
            failed.append(label)
        elif found.group(3):
            skipped.append(label)
        else:
            passed += 1
    if done.returncode == 0 and not passed + len(failed) + len(skipped):
        failed.append(name + " (ran no test)")
    if done.returncode != 0 and not failed:
        failed.append("%s (ended with %d)" % (name, done.returncode))
    if failed:
        print(text[-20000:], flush=True)
    return passed, failed, skipped


# ---- pytest ----
def version_of(python):
    """"3.11" for a CPython that can build the extension, else None."""
    done = subprocess.run([python, str(REPOSITORY / "mk/python.py"), "x"],
                          universal_newlines=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    found = re.search(r"^PY_TAG_x := (.*)$", done.stdout or "", re.M)
    return found.group(1) if found else None


def pythons():
    """{version: interpreter}; the first of each version, PYTHON= first."""
    found = {}
    for version, python in all_pythons():
        found.setdefault(version, python)
    return found


def all_pythons():
    """[(version, interpreter)], each interpreter once."""
    found = {}
    for python in os.environ.get("PYTHONS", sys.executable).split():
        asked = subprocess.run(
            [python, "-c", "import sys; print(sys.prefix, sys.version)"],
            universal_newlines=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL).stdout
        if asked and asked not in found:
            found[asked] = (version_of(python), python)
    return [(version, python) for version, python in found.values()
            if version]


def virtual_environment(python, version):
    """A venv with tests/requirements.txt, made once; its interpreter."""
    if os.environ.get("SYSTEM_PACKAGES"):
        return python
    folder = BUILD / "venv" / version
    inside = folder / "bin" / "python"
    wanted = hashlib.sha256(
        (TESTS / "requirements.txt").read_bytes() + python.encode()
    ).hexdigest()
    stamp = folder / "requirements.sha256"
    if inside.exists() and stamp.exists() and stamp.read_text() == wanted:
        return str(inside)
    say("python %s: virtual environment" % version)
    subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
    subprocess.run([str(inside), "-m", "pip", "install", "-qq",
                    "--disable-pip-version-check", "-r",
                    str(TESTS / "requirements.txt")], check=True)
    stamp.write_text(wanted)
    return str(inside)


def runtime_of(sanitize, preload):
    """Environment under which sanitized programs and extensions run."""
    if not sanitize:
        return {}
    cc = (os.environ.get("CC") or "gcc").split()
    libraries = []
    for name in ("asan", "ubsan"):
        if {"asan": "address", "ubsan": "undefined"}[name] not in sanitize:
            continue
        path = subprocess.run(cc + ["-print-file-name=lib%s.so" % name],
                              universal_newlines=True, check=True,
                              stdout=subprocess.PIPE).stdout.strip()
        libraries.append(os.path.realpath(path))
    # The interpreter's own leaks at exit are not ours to report; programs
    # and units run with the leak check on.
    env = {"PYEXPLORE_PRELOAD": " ".join(libraries),
           "UBSAN_OPTIONS": "print_stacktrace=1",
           "PX_TEST_DEADLINE": "120"}
    if preload:
        env.update(LD_PRELOAD=env["PYEXPLORE_PRELOAD"],
                   PYTHONMALLOC="malloc", ASAN_OPTIONS="detect_leaks=0")
    return env


def pytest_stage(results, stage, python, sanitize, folder, arguments, preload):
    """Runs pytest over tests/folder; counts from its JUnit file."""
    started = time.monotonic()
    report = BUILD / "reports" / (stage.replace(" ", "-") + ".xml")
    report.parent.mkdir(parents=True, exist_ok=True)
    if report.exists():
        report.unlink()
    env = dict(os.environ, PYEXPLORE_BUILD=str(flavour(sanitize)),
               **runtime_of(sanitize, preload))
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        env.pop(name, None)
    command = [python, "-m", "pytest", "-q", str(TESTS / folder),
               "--junitxml=%s" % report, "-n", "2", "--dist", "worksteal",
               "-rfE", "--no-header", "--tb=short",
               "--durations=5", "--durations-min=5", "-c",
               str(REPOSITORY / "pytest.ini")]
    if sanitize:
        command += ["-o", "timeout=600"]
    try:
        status = subprocess.run(command + arguments, env=env,
                                cwd=str(REPOSITORY),
                                timeout=STAGE_SECONDS).returncode
    except subprocess.TimeoutExpired:
        status = -1
    passed, failed, skipped = read_report(report)
    if status not in (0, 1, 5) or (status == 1 and not failed):
        failed.append("pytest itself (status %d)" % status)
    results.add(stage, passed, failed, skipped, time.monotonic() - started)
    return passed


def read_report(path):
    passed, failed, skipped = 0, [], []
    if not path.exists():
        return 0, ["no report"], []
    for case in xml.etree.ElementTree.parse(str(path)).iter("testcase"):
        name = "%s::%s" % (case.get("classname"), case.get("name"))
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed.append(name)
        elif "skipped" in kinds:
            skipped.append(name)
        else:
            passed += 1
    return passed, failed, skipped


# ---- what must have run ----
def read_expected():
    least, skips = {}, []
    for line in (TESTS / "expected").read_text().splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "skip":
            skips.append(words[1])
        else:
            least[words[0]] = int(words[1])
    return least, skips


class Suite:
    def __init__(self, sanitize):
        self.results = Results()
        self.sanitize = sanitize
        self.least, self.skips = read_expected()

    def expect(self, kind, stage, passed):
        least = self.least.get(kind, 0)
        if passed < least:
            self.results.complaints.append(
                "%s passed %d tests, tests/expected says at least %d"
                % (stage, passed, least))

    def unit(self, only="", full=False):
        label = " " + self.sanitize if self.sanitize else ""
        for kind, tiny in (("unit", False), ("unit-tiny", True)):
            passed = unit_stage(self.results, kind + label, self.sanitize,
                                tiny, only, full and not tiny)
            if not only:
                self.expect(kind, kind + label, passed)

    def agent(self, everything, arguments, only_first=False, others=True):
        """others: also the smoke tests of what is not in FULL_VERSIONS."""
        label = " " + self.sanitize if self.sanitize else ""
        found = pythons()
        if not found:
            self.results.complaints.append("no CPython 3.8+ with headers")
        first = next(iter(found), None)
        for version, python in found.items():
            if only_first and version != first:
                continue
            full = (everything or only_first or version in FULL_VERSIONS
                    or len(found) == 1)
            if not full and not others:
                continue
            kind = "agent-full" if full else "agent-smoke"
            stage = "agent %s%s" % (version, label)
            if not make("programs", "test-tools", "ext-" + version,
                        sanitize=self.sanitize):
                self.results.complaints.append(stage + ": the build failed")
                continue
            inside = virtual_environment(python, version)
            options = [] if full else ["-m", "smoke"]
            options += ["--slow"] if everything else []
            passed = pytest_stage(self.results, stage, inside, self.sanitize,
                                  "agent", options + arguments, True)
            if not arguments:
                self.expect(kind, stage, passed)
        if everything and not only_first and not self.sanitize:
            for version, python in all_pythons():
                if python != found[version]:
                    self.foreign(version, python)

    def foreign(self, version, python):
        """Another patch version, as Debian's own, with the extension that was
        built for the first of its minor version: what a wheel meets."""
        stage = "agent %s %s" % (version, python.replace("/", "_").strip("_"))
        inside = virtual_environment(python, stage[6:].replace(" ", "-"))
        passed = pytest_stage(self.results, stage, inside, None, "agent", [],
                              True)
        self.expect("agent-full", stage, passed)

    def e2e(self, everything, arguments):
        label = " " + self.sanitize if self.sanitize else ""
        found = pythons()
        if not found:
            self.results.complaints.append("no CPython 3.8+ with headers")
            return
        version, python = next(iter(found.items()))
        if not make("programs", *["ext-" + v for v in found],
                    sanitize=self.sanitize):
            self.results.complaints.append("e2e: the build failed")
            return
        inside = virtual_environment(python, version)
        options = ["--slow"] if everything else []
        passed = pytest_stage(self.results, "e2e" + label, inside,
                              self.sanitize, "e2e", options + arguments, False)
        if not arguments:
            self.expect("e2e", "e2e" + label, passed)

    def real(self, everything, arguments):
        """Real programs, each in an environment with its libraries."""
        found = pythons()
        version, python = next(iter(found.items()), (None, None))
        if version is None:
            self.results.complaints.append("no CPython 3.8+ with headers")
            return
        wanted = found if everything else [version]
        if not make("programs", *["ext-" + v for v in wanted]):
            self.results.complaints.append("real: the build failed")
            return
        os.environ["PYTHONS"] = " ".join(found[v] for v in wanted)
        inside = virtual_environment(python, version)
        options = ["--slow"] if everything else []
        passed = pytest_stage(self.results, "real", inside, None, "real",
                              options + arguments, False)
        if not arguments:
            self.expect("real-full" if everything else "real", "real", passed)

    def sid(self, arguments):
        """sid.sh runs this program again, in a chroot; here its reports are
        added to ours."""
        folder = pathlib.Path(os.environ.get("SID") or BUILD / "sid").resolve()
        reports = folder / "srv" / "build" / "reports"
        for report in reports.glob("*.xml"):
            report.unlink()
        started = time.monotonic()
        versions = os.environ.get("SID_PYTHONS") or SID_VERSIONS
        status = subprocess.run(["sh", "tests/sid.sh"] + arguments,
                                env=dict(os.environ, SID=str(folder),
                                         SID_PYTHONS=versions)).returncode
        found = sorted(reports.glob("*.xml"))
        for report in found:
            self.results.add("sid " + report.stem, *read_report(report),
                             time.monotonic() - started)
        for version in versions.split():
            if not (reports / ("agent-%s.xml" % version)).exists():
                self.results.complaints.append(
                    "sid: no tests ran on Python %s" % version)
        if status != 0 and not self.results.failed:
            self.results.complaints.append(
                "tests/sid.sh ended with %d" % status)

    def close(self):
        """Prints what went wrong, then the one line; the exit status."""
        results = self.results
        for skip in results.skipped:
            name = skip.split(": ", 1)[1]
            if not any(fnmatch.fnmatch(name, p) for p in self.skips):
                results.complaints.append("skipped, not on the list: " + skip)
        for name in results.failed:
            say("FAILED " + name)
        for complaint in results.complaints:
            say("WRONG  " + complaint)
        say("%d skipped" % len(results.skipped))
        # A complaint is a failure of the run: it must show in the last line.
        print("%d passed, %d failed" % (
            results.passed, len(results.failed) + len(results.complaints)),
            flush=True)
        return 1 if results.failed or results.complaints else 0


def main(argv):
    # A shell starts background jobs with SIGINT ignored, and whoever is under
    # test would inherit that; a handler becomes the default at exec.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kind = argv[0]
    arguments = argv[1:] + shlex.split(os.environ.pop("T", ""))
    sanitize = os.environ.get("SANITIZE") or None
    slow = kind == "full" or bool(os.environ.get("SLOW"))
    suite = Suite(sanitize)
    os.chdir(str(REPOSITORY))
    if kind in ("test", "full", "unit"):
        suite.unit(arguments[0] if kind == "unit" and arguments else "",
                   full=kind == "full" and not sanitize)
    if kind in ("test", "full", "agent"):
        suite.agent(slow, arguments if kind == "agent" else [],
                    kind == "agent", others=not sanitize or kind == "full")
    if kind in ("test", "full", "e2e"):
        suite.e2e(kind == "full", arguments if kind == "e2e" else [])
    if kind in ("test", "full", "real") and not sanitize:
        suite.real(kind != "test", arguments if kind == "real" else [])
    if kind == "sid" or kind == "full" and not sanitize:
        suite.sid(arguments if kind == "sid" else [])
    if kind == "full" and not sanitize:
        suite.sanitize = "address,undefined"
        suite.unit()
        suite.agent(False, [])
        suite.e2e(False, [])
    return suite.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
