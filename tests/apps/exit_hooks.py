"""Temporary workspaces that are removed at exit: atexit.register() each time.

A service does not exit. What was registered for each request, and all that it
refers to, waits in the interpreter's own table.  The fix: try/finally.

SPDX-License-Identifier: MIT
"""
import atexit

import pyexplore
import traffic


class Workspace:
    def __init__(self, request):
        self.name = "ws-" + request.id
        self.files = {"input": request.body}

    def remove(self):
        self.files.clear()


def handle(request):
    workspace = Workspace(request)
    atexit.register(workspace.remove)
    workspace.files["output"] = request.body.upper()
    return len(workspace.files["output"])


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)


if __name__ == "__main__":
    main()
