"""Hands connections on: `python relay.py LISTEN CONNECT`, each a port of this loopback or the path of a socket."""

import asyncio
import sys


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def opened(where):
    return asyncio.open_connection("127.0.0.1", int(where)) if where.isdigit() else asyncio.open_unix_connection(where)


async def main(listen, connect):
    async def hand_on(reader, writer):
        try:
            there, back = await opened(connect)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, back), copy(there, writer))

    if listen.isdigit():
        server = await asyncio.start_server(hand_on, "127.0.0.1", int(listen))
    else:
        server = await asyncio.start_unix_server(hand_on, listen)
    async with server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:3]))
