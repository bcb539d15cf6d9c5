"""Connections that are to be closed at shutdown: a list of closures.

Each connection is closed after its request; the hook that would close it at
shutdown stays, and its closure keeps the connection.  The fix: take the hook
out again, or one hook that closes what is open.

SPDX-License-Identifier: MIT
"""
import pyexplore
import traffic


class Connection:
    def __init__(self, request):
        self.peer = request.headers["host"]
        self.sent = []
        self.open = True

    def send(self, data):
        self.sent.append(data)

    def close(self):
        self.open = False


class Application:
    def __init__(self):
        self.shutdown_hooks = []

    def connect(self, request):
        connection = Connection(request)

        def close_at_shutdown():
            if connection.open:
                connection.close()

        self.shutdown_hooks.append(close_at_shutdown)
        return connection

    def handle(self, request):
        connection = self.connect(request)
        connection.send(request.body)
        connection.close()


def main():
    pyexplore.serve(port=None)
    application = Application()
    for request in traffic.requests():
        application.handle(request)


if __name__ == "__main__":
    main()
