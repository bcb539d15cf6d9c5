"""`pip install` gives the extension and both programs, also from the sdist.

SPDX-License-Identifier: MIT
"""
import os
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest

from harness import REPOSITORY

pytestmark = pytest.mark.timeout(600)  # each compiles everything
PYTHONS = sorted(pathlib.Path.home().glob(".pyenv/versions/3.*/bin/python"))


def clean_environment():
    """Without what a surrounding make or a build's PYTHONPATH would add."""
    return {name: value for name, value in os.environ.items()
            if name not in ("PYTHONPATH", "LD_PRELOAD", "SANITIZE", "BUILD")
            and not name.startswith("MAKE") and name != "MFLAGS"}


def run(*command, cwd="/"):
    done = subprocess.run(
        [str(word) for word in command], cwd=str(cwd), env=clean_environment(),
        universal_newlines=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def version_of(python):
    text = run(python, "-c", "import sys; print(*sys.version_info[:2])")
    return tuple(int(word) for word in text.split())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The tracked files as they are now: pip must not see what was built."""
    folder = tmp_path_factory.mktemp("source")
    names = run("git", "-C", REPOSITORY, "ls-files", "-z")
    archive = folder / "source.tar"
    subprocess.run(
        ["tar", "-C", str(REPOSITORY), "--null", "-T", "-", "-cf",
         str(archive), "--ignore-failed-read"],
        input=names.encode(), check=True, stderr=subprocess.DEVNULL)
    tree = folder / "tree"
    tree.mkdir()
    run("tar", "-xf", archive, "-C", tree)
    return tree


def check_installed(folder, version):
    """Programs on PATH, the package with its types, no compiler needed."""
    programs = folder / "bin"
    for name in ("pyexplore", "pyexplore-tui"):
        assert (programs / name).read_bytes()[:4] == b"\x7fELF"
        assert re.match(r"%s \d+\.\d+" % name,
                        run(programs / name, "--version"))
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]",
                            run("readelf", "-d", programs / name))
        assert all(re.match(r"lib[cm]\.so|ld-linux", lib) for lib in needed)
    told = run(programs / "python", "-c", """if 1:
        import pathlib, pyexplore, pyexplore._agent as agent
        folder = pathlib.Path(pyexplore.__file__).parent
        assert (folder / "py.typed").exists()
        assert (folder / "_agent.pyi").exists()
        with pyexplore.serve(port=None) as server:
            print(server.unix_path)
    """)
    assert ".sock" in told
    # a leak test finds the program that came with it, without any PATH
    told = run(programs / "python", "-c", """if 1:
        import os, pyexplore
        from importlib import metadata
        os.environ["PATH"] = ""
        pyexplore.check(rounds=2, warmup=1)(lambda: None)()
        print(pyexplore._check._program())
        found = metadata.distribution("pyexplore").entry_points
        print([e.value for e in found if e.group == "pytest11"])
    """)
    assert told.splitlines() == [str(programs / "pyexplore"),
                                 "['pyexplore.pytest_plugin']"]


def install(python, what, tmp_path):
    folder = tmp_path / "venv"
    run(python, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "-q", what)
    check_installed(folder, version_of(python))


def test_pip_install_from_the_tree(source, tmp_path):
    install(sys.executable, source, tmp_path)


@pytest.fixture(scope="module")
def sdist(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "venv", folder / "builder")
    inside = folder / "builder" / "bin" / "python"
    run(inside, "-m", "pip", "install", "-q", "build")
    run(inside, "-m", "build", "-q", "--sdist", "-o", folder, source)
    found, = folder.glob("*.tar.gz")
    return found


@pytest.mark.parametrize(
    "python", [pathlib.Path(sys.executable)]
    + [pytest.param(python, marks=pytest.mark.slow) for python in PYTHONS],
    ids=lambda p: "first" if str(p) == sys.executable else p.parts[-3])
def test_pip_install_from_the_sdist(python, sdist, tmp_path):
    if version_of(python) >= (3, 8):
        install(python, sdist, tmp_path)


def test_wheel_says_for_which_python_it_is(source, tmp_path):
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w",
        tmp_path, source)
    wheel, = tmp_path.glob("*.whl")
    tag = "cp%d%d" % sys.version_info[:2]
    assert "-%s-%s-linux_" % (tag, tag) in wheel.name
    names = zipfile.ZipFile(str(wheel)).namelist()
    assert not [name for name in names if name.endswith((".c", ".h", ".o"))]
    assert sum(".data/scripts/" in name for name in names) == 2


@pytest.mark.slow
@pytest.mark.parametrize("python", PYTHONS, ids=lambda p: p.parts[-3])
def test_pip_install_on_every_python(python, source, tmp_path):
    if version_of(python) >= (3, 8):
        install(python, source, tmp_path)


def free_threaded():
    """Such interpreters among PYTHONS, and a stand-in that is always there."""
    asked = "import sysconfig; print(sysconfig.get_config_var('%s'))" % (
        "Py_GIL_DISABLED")
    found = [word for word in os.environ.get("PYTHONS", "").split()
             if run(word, "-c", asked).strip() == "1"]
    return [None] + found


@pytest.mark.parametrize("python", free_threaded(), ids=str)
def test_a_free_threaded_python_is_refused(python, tmp_path):
    if python is None:  # one that says so of itself
        (tmp_path / "sitecustomize.py").write_text(
            "import sysconfig\n"
            "sysconfig.get_config_vars()['Py_GIL_DISABLED'] = 1\n")
        python = tmp_path / "python3t"
        python.write_text("#!/bin/sh\nPYTHONPATH=%s exec %s \"$@\"\n"
                          % (tmp_path, sys.executable))
        python.chmod(0o755)
    done = subprocess.run(
        ["make", "-C", str(REPOSITORY), "BUILD=%s" % (tmp_path / "build"),
         "PYTHON=%s" % python, "PYTHONS=", "ext"], env=clean_environment(),
        universal_newlines=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    assert done.returncode == 2
    assert "free-threaded builds are not supported: " in done.stdout
    assert not list(tmp_path.glob("build/**/*.so"))
