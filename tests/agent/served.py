"""served.py: a child interpreter that serves and does what it is told.

    child = Served(spawn, readonly=True)
    child.run("import gc; gc.disable()")
    assert child.ask("gc.isenabled()") is False

SPDX-License-Identifier: MIT
"""
import json

from wire import Wire

PROGRAM = r'''
import json, sys
def tell(event, **more):
    print(json.dumps(dict(more, event=event)), flush=True)
import gc, os, pyexplore
options = json.loads(sys.argv[1])
server = pyexplore.serve(**options) if options is not None else None
tell("serving", address=server and server.address,
     unix=server and server.unix_path, pid=os.getpid())
for line in sys.stdin:
    kind, text = json.loads(line)
    try:
        if kind == "run":
            exec(text, globals())
            value = None
        else:
            value = eval(text, globals())
        tell("did", value=value)
    except BaseException as error:
        tell("did", error="%s: %s" % (type(error).__name__, error))
'''


class ChildError(Exception):
    """What was run in the child raised this."""


class Served:
    def __init__(self, spawn, serve=True, env=None, python=None, **options):
        options.setdefault("port", 0)
        self.target = spawn(PROGRAM, json.dumps(options if serve else None),
                            env=env, python=python)
        started = self.target.event("serving")
        self.pid = started["pid"]
        self.address = started["address"]
        self.unix = started["unix"]

    def begin(self, kind, text):
        self.target.say(json.dumps([kind, text]))

    def end(self):
        did = self.target.event("did")
        if "error" in did:
            raise ChildError(did["error"])
        return did["value"]

    def run(self, text):
        """Executes statements in the child's global namespace."""
        self.begin("run", text)
        return self.end()

    def ask(self, text):
        """The value of an expression, which JSON can carry."""
        self.begin("ask", text)
        return self.end()

    def wire(self):
        """A connection by its Unix socket, after HELLO."""
        return Wire.unix(self.unix).hello()

    def finish(self):
        """Closes its stdin; the exit status once it has ended."""
        self.target.process.stdin.close()
        return self.target.wait()
