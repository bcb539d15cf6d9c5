"""setup.py: lets pip build what the Makefile builds.

All metadata is in pyproject.toml, all compiling in the Makefile.  Two commands
are taken over: build_ext asks make for the extension of the Python that runs
this, build_scripts for the two programs, which go into the wheel as the ELF
files they are.

SPDX-License-Identifier: MIT
"""
import os
import shutil
import subprocess
import sys

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from distutils.command.build_scripts import build_scripts  # after setuptools
from distutils.errors import CompileError

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ["pyexplore", "pyexplore-tui"]


def make(folder, *goals):
    """Runs make; what it cannot do is said with the packages it needs."""
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    }
    command = [
        os.environ.get("MAKE", "make"), "-C", HERE, "-j2", "BUILD=" + folder,
        "PYTHON=" + sys.executable, "PYTHONS=",
    ] + list(goals)
    try:
        subprocess.run(command, env=env, check=True)
    except FileNotFoundError:
        raise CompileError("make is not installed; on Debian: " + advice())
    except subprocess.CalledProcessError:
        raise CompileError("make failed, see above; on Debian: " + advice())


def refuse():
    """Raises where this Python cannot have the extension, with the reason."""
    told = subprocess.run(
        [sys.executable, os.path.join(HERE, "mk", "python.py"), "x"],
        check=True, stdout=subprocess.PIPE, universal_newlines=True).stdout
    if told.startswith("# "):
        raise CompileError(told[2:].strip())


def advice():
    with open(os.path.join(HERE, "packages.txt")) as f:
        words = [line.split() for line in f]
    names = [w[0] for w in words if w and w[-1] == "build"]
    return "apt-get install " + " ".join(names)


def place(source, target):
    """Copies a built file without its debug symbols."""
    os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
    shutil.copyfile(source, target)
    shutil.copymode(source, target)
    strip = shutil.which(os.environ.get("STRIP", "strip"))
    if strip:
        subprocess.run([strip, "--strip-unneeded", target], check=False)


class MakeExtension(build_ext):
    def build_extension(self, ext):
        refuse()
        folder = os.path.abspath(os.path.join(self.build_temp, "make"))
        make(folder, "ext")
        target = self.get_ext_fullpath(ext.name)
        built = os.path.join(folder, "py%d.%d" % sys.version_info[:2],
                             "pyexplore", os.path.basename(target))
        place(built, target)


class MakePrograms(build_scripts):
    def get_source_files(self):
        return []  # nothing that an sdist could hold

    def run(self):
        temp = self.get_finalized_command("build").build_temp
        folder = os.path.abspath(os.path.join(temp, "make"))
        make(folder, "programs")
        for name in PROGRAMS:
            place(os.path.join(folder, name),
                  os.path.join(self.build_dir, name))


setup(
    ext_modules=[Extension("pyexplore._agent", sources=[])],
    scripts=PROGRAMS,
    cmdclass={"build_ext": MakeExtension, "build_scripts": MakePrograms},
)
