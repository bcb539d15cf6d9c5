"""A chat server on asyncio: one subscriber reads slower than others write.

Each subscriber has an asyncio.Queue of its own. Two keep up, the third is on a
slow line: what is broadcast waits in its queue, and there is no bound.  The
fix: Queue(maxsize=…), and drop the subscriber when it is full.

SPDX-License-Identifier: MIT
"""
import asyncio

import pyexplore
import traffic


class Message:
    def __init__(self, sender, text):
        self.sender = sender
        self.text = text


class Subscriber:
    def __init__(self, name, seconds_each):
        self.name = name
        self.seconds_each = seconds_each
        self.outbox = asyncio.Queue()
        self.sent = 0

    async def pump(self):
        while True:
            message = await self.outbox.get()
            await asyncio.sleep(self.seconds_each)  # until the line took it
            self.sent += len(message.text)


class Room:
    def __init__(self):
        self.subscribers = []

    def join(self, name, seconds_each):
        subscriber = Subscriber(name, seconds_each)
        self.subscribers.append(subscriber)
        return asyncio.ensure_future(subscriber.pump())

    def broadcast(self, message):
        for subscriber in self.subscribers:
            subscriber.outbox.put_nowait(message)


async def main():
    pyexplore.serve(port=None)
    period = traffic.period()
    room = Room()
    pumps = [room.join("ada", 0), room.join("grace", 0),
             room.join("on a train", 20 * period)]
    async for request in traffic.arrivals():
        room.broadcast(Message(request.user, "I am at " + request.page))
    await asyncio.gather(*pumps)


if __name__ == "__main__":
    asyncio.run(main())
