"""aiohttp: a ClientSession for each call, "closed at the end" of the service.

The sessions are pushed on an AsyncExitStack that lives as long as the process.
The fix: `async with ClientSession()` around the call, or one session for all.

SPDX-License-Identifier: MIT
"""
import asyncio
import contextlib
import resource

import aiohttp
import aiohttp.web

import pyexplore
import traffic


async def hello(request):
    return aiohttp.web.Response(text="hello from " + request.path)


async def start_upstream(stack):
    application = aiohttp.web.Application()
    application.router.add_get("/{page:.*}", hello)
    runner = aiohttp.web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    return "http://127.0.0.1:%d" % runner.addresses[0][1]


class Gateway:
    def __init__(self, stack, upstream):
        self.stack = stack
        self.upstream = upstream

    async def fetch(self, page):
        client = aiohttp.ClientSession(headers={"connection": "close"})
        self.stack.push_async_callback(client.close)
        async with client.get(self.upstream + page) as response:
            return await response.text()


async def main():
    pyexplore.serve(port=None)
    async with contextlib.AsyncExitStack() as stack:
        gateway = Gateway(stack, await start_upstream(stack))
        async for request in traffic.arrivals():
            assert request.page in await gateway.fetch(request.page)


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(main())
