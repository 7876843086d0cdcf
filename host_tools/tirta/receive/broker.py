# SPDX-License-Identifier: MIT
"""A broker in this process, for a bench or a small office: amqtt, which pip installs.

It asks nobody for an account: nodes and centre trust no broker, so who reaches it learns sizes and
times, and can keep messages away. For a town take Mosquitto with accounts.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

from tirta.errors import TirtaError

_START_S = 30.0


class _Subscriptions(dict[str, Any]):
    """Subscriptions of amqtt, which awaits while it goes through them: when another subscribes
    meanwhile, it raises (0.12.1), and the first is never heard.
    """

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self.keys()))


@contextlib.contextmanager
def embedded(address: str, port: int) -> Iterator[None]:
    """Run a broker at address and port until the block ends. Raises TirtaError."""
    try:
        from amqtt.broker import Broker
    except ImportError as error:
        raise TirtaError(
            "The broker that comes with Tirta is not installed.",
            "Install it: pip install 'tirta[receive]'; or name another with --broker.",
        ) from error
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.CRITICAL)
    config: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"{address}:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    loop = asyncio.new_event_loop()
    up = threading.Event()
    problem: list[str] = []

    class Steady(Broker):  # type: ignore[misc]  # amqtt tells no types
        """A node that connects while another subscribes is kept."""

        def __init__(self, config: dict[str, Any]) -> None:
            super().__init__(config)
            self._subscriptions = _Subscriptions(self.subscriptions)

    async def serve() -> Any:
        broker = Steady(config)
        await broker.start()
        return broker

    def run() -> None:
        asyncio.set_event_loop(loop)
        try:
            broker = loop.run_until_complete(serve())
        except Exception as error:  # noqa: BLE001 - whatever it was, it is told in words
            problem.append(str(error))
            up.set()
            return
        up.set()
        loop.run_forever()
        loop.run_until_complete(broker.shutdown())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not up.wait(_START_S) or problem:
        raise TirtaError(
            f"No broker can listen at {address}:{port}: {problem[0] if problem else 'it hangs'}.",
            "Is one running there already? Then leave --embedded out.",
        )
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_START_S)
