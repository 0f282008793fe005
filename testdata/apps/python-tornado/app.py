"""A Tornado server, as its guide shows it: the port is an option."""

import asyncio
import platform
import signal

import tornado
from tornado.options import define, options, parse_command_line

define("port", default=8888, help="run on the given port", type=int)


class MainHandler(tornado.web.RequestHandler):
    def get(self):
        self.write(f"Tornado {tornado.version} on Python {platform.python_version()}\n")


async def main():
    parse_command_line()
    server = tornado.web.Application([(r"/", MainHandler)]).listen(options.port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    server.stop()
    await server.close_all_connections()


if __name__ == "__main__":
    asyncio.run(main())
