"""kombu: a broker in memory, an exchange with routing keys, a producer, a
consumer and messages that still wait.

SPDX-License-Identifier: MIT
"""
import kombu

from rest import rest

SEEN = []


def handle(body, message):
    SEEN.append(body["n"])
    message.ack()


def main():
    connection = kombu.Connection("memory://")
    orders = kombu.Exchange("orders", type="topic")
    queues = [kombu.Queue("new", orders, routing_key="order.new"),
              kombu.Queue("all", orders, routing_key="order.#")]
    with connection.channel() as channel:
        producer = kombu.Producer(channel, exchange=orders,
                                  serializer="json")
        for n in range(50):
            producer.publish({"n": n}, declare=queues,
                             routing_key="order.new" if n % 2 else "order.old")
        with kombu.Consumer(channel, queues[:1], callbacks=[handle]):
            while len(SEEN) < 25:
                connection.drain_events(timeout=5)
        assert SEEN == list(range(1, 50, 2))
        rest()


if __name__ == "__main__":
    main()
