"""An event bus to which every page subscribes, and from which none leaves.

The bus holds bound methods, and these hold their page.  The fix: unsubscribe,
or weakref.WeakMethod.

SPDX-License-Identifier: MIT
"""
import pyexplore
import traffic


class Bus:
    def __init__(self):
        self.subscribers = {}

    def subscribe(self, topic, callback):
        self.subscribers.setdefault(topic, []).append(callback)

    def publish(self, topic, *values):
        for callback in self.subscribers.get(topic, ()):
            callback(*values)


class Page:
    def __init__(self, bus, request):
        self.path = request.page
        self.language = "en"
        self.parts = ["header", "body", "footer"]
        bus.subscribe("language-changed", self.on_language)

    def on_language(self, language):
        self.language = language

    def render(self):
        return "%s in %s: %s" % (self.path, self.language, self.parts)


def main():
    pyexplore.serve(port=None)
    bus = Bus()
    for request in traffic.requests():
        Page(bus, request).render()
        if request.number % 50 == 0:
            bus.publish("language-changed", "fr")


if __name__ == "__main__":
    main()
