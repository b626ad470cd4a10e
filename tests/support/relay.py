"""Forward connections: `python relay.py LISTEN CONNECT`, each a port of the loopback, ADDRESS:PORT or a socket."""

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


def parse_endpoint(where):
    """Return an address and a port; None for the path of a socket."""
    address, _, port = where.rpartition(":")
    return None if "/" in where else (address or "127.0.0.1", int(port))


def open_endpoint(where):
    return (
        asyncio.open_connection(*parse_endpoint(where))
        if parse_endpoint(where)
        else asyncio.open_unix_connection(where)
    )


async def main(listen, connect):
    async def forward(reader, writer):
        try:
            there, back = await open_endpoint(connect)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, back), copy(there, writer))

    if parse_endpoint(listen):
        server = await asyncio.start_server(forward, *parse_endpoint(listen))
    else:
        server = await asyncio.start_unix_server(forward, listen)
    async with server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:3]))
