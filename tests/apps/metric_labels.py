"""prometheus_client with the request's id as a label: a child for each.

Every new combination of labels is a metric of its own that the parent keeps
for ever ("cardinality explosion").  The fix: no ids in labels.

SPDX-License-Identifier: MIT
"""
import prometheus_client

import pyexplore
import traffic

_REQUESTS = prometheus_client.Counter(
    "shop_requests", "Requests by page and id", ["page", "request_id"])
_BYTES = prometheus_client.Gauge("shop_bytes", "Bytes in flight", ["page"])


def handle(request):
    _REQUESTS.labels(page=request.page, request_id=request.id).inc()
    _BYTES.labels(page=request.page).set(len(request.body))


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)
        if request.number % 100 == 0:
            prometheus_client.generate_latest()  # a scrape


if __name__ == "__main__":
    main()
