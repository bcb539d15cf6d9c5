"""Healthy: a service that is still warming up.

Modules are imported when a page first needs them, tables are built when they
are first asked for, patterns are compiled and cached. All of it ends.

SPDX-License-Identifier: MIT
"""
import importlib
import re

import pyexplore
import traffic

MODULES = """ast bdb calendar cgitb chunk cmd code codeop colorsys csv curses
dbm decimal difflib dis doctest email.mime.text filecmp fileinput fractions
ftplib getopt getpass gettext glob gzip html.parser imaplib ipaddress json
lzma mailbox netrc optparse pdb pickletools plistlib poplib pprint profile
pstats pydoc sched secrets shelve smtplib statistics string tarfile textwrap
timeit trace turtledemo typing unittest.mock uuid wave xml.dom.minidom
xmlrpc.client zipapp zipfile""".split()


class Table:
    """The prices of one page in all currencies."""

    def __init__(self, page):
        self.page = page
        self.prices = {(currency, number): "%s %d.99" % (currency, number)
                       for currency in ("EUR", "USD", "CHF")
                       for number in range(200)}


class Shop:
    def __init__(self):
        self.modules = iter(MODULES)
        self.tables = {}

    def module(self):
        """What a feature imports when it is used for the first time."""
        name = next(self.modules, None)
        try:
            return name and importlib.import_module(name)
        except ImportError:  # some are gone in newer Pythons
            return None

    def table(self, page):
        if page not in self.tables:
            self.tables[page] = Table(page)
        return self.tables[page]

    def handle(self, request):
        if request.number % 5 == 0:
            self.module()
        if request.number % 20 == 0:
            self.table(traffic.PAGES[request.number // 20 % 6])
        return re.match(r"/(%s)?" % request.page.strip("/"), request.page)


def main():
    pyexplore.serve(port=None)
    shop = Shop()
    for request in traffic.requests():
        assert shop.handle(request)


if __name__ == "__main__":
    main()
