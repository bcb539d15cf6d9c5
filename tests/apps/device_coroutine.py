"""A device gateway on asyncio: a coroutine per device, with a growing local.

watch() ends when the device goes away, which it never does; until then it
keeps all readings in `readings` to tell a jump from noise.  The fix: keep the
last ten.

SPDX-License-Identifier: MIT
"""
import asyncio

import pyexplore
import traffic


class Reading:
    def __init__(self, value, request):
        self.value = value
        self.source = request.id


async def watch(device, inbox, alarms):
    readings = []
    while device:
        request = await inbox.get()
        reading = Reading(len(request.body), request)
        if readings and abs(reading.value - readings[-1].value) > 190:
            alarms[device] = reading.value
        readings.append(reading)


async def main():
    pyexplore.serve(port=None)
    inboxes = [asyncio.Queue(maxsize=100) for _ in range(3)]
    alarms = {}
    tasks = [asyncio.ensure_future(watch("pump-%d" % i, inbox, alarms))
             for i, inbox in enumerate(inboxes)]
    async for request in traffic.arrivals():
        await inboxes[request.number % 3].put(request)
    await asyncio.gather(*tasks)


if __name__ == "__main__":
    asyncio.run(main())
