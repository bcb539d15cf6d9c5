"""aiohttp: a server and a client in one event loop, JSON, a stream and an open
websocket; it rests in the loop with tasks that wait.

SPDX-License-Identifier: MIT
"""
import asyncio
import sys

import aiohttp
from aiohttp import web

from rest import serve


async def item(request):
    n = int(request.match_info["n"])
    return web.json_response({"n": n, "title": "item %d" % n})


async def chat(request):
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str("you said " + message.data)
    return socket


async def worker(queue):
    while True:
        await queue.get()


@web.middleware
async def count(request, handler):
    request.app["seen"].add(request.path)
    return await handler(request)


async def main():
    app = web.Application(middlewares=[count])
    app["seen"] = set()
    app.router.add_get("/item/{n:\\d+}", item)
    app.router.add_get("/chat", chat)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = "http://127.0.0.1:%d" % site._server.sockets[0].getsockname()[1]
    queue = asyncio.Queue()
    loop = asyncio.get_running_loop()
    workers = [loop.create_task(worker(queue)) for _ in range(5)]
    async with aiohttp.ClientSession() as session:
        for n in range(20):
            async with session.get("%s/item/%d" % (base, n)) as answer:
                assert (await answer.json())["n"] == n
        async with session.ws_connect(base + "/chat") as socket:
            await socket.send_str("hello")
            assert (await socket.receive()).data == "you said hello"
            serve(url=base + "/item/")
            await loop.run_in_executor(None, sys.stdin.read)
    for task in workers:
        task.cancel()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
