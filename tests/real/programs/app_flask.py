"""Flask: an application with a blueprint, a template, a session and JSON,
served by werkzeug's threaded server to a client on a socket.

SPDX-License-Identifier: MIT
"""
import json
import threading
import urllib.request

import flask
from werkzeug.serving import WSGIRequestHandler, make_server

from rest import rest

PAGE = """<h1>{{ name|upper }}</h1>
{% for item in items %}<li>{{ loop.index }} {{ item.title }}</li>{% endfor %}"""


class Item:
    def __init__(self, n):
        self.n = n
        self.title = "item %d" % n
        self.tags = {"n": n, "even": n % 2 == 0}


class Quiet(WSGIRequestHandler):
    def log(self, *words):
        pass


def make_app():
    app = flask.Flask(__name__)
    app.secret_key = "not very"
    shop = flask.Blueprint("shop", __name__, url_prefix="/shop")
    items = [Item(n) for n in range(50)]

    @shop.route("/<name>")
    def page(name):
        flask.session["visits"] = flask.session.get("visits", 0) + 1
        return flask.render_template_string(PAGE, name=name, items=items)

    @shop.route("/item/<int:n>")
    def item(n):
        return flask.jsonify(n=n, title=items[n].title)

    @app.errorhandler(404)
    def missing(error):
        return "no such page", 404

    app.register_blueprint(shop)
    return app


def main():
    server = make_server("127.0.0.1", 0, make_app(), threaded=True,
                         request_handler=Quiet)
    threading.Thread(target=server.serve_forever, name="server",
                     daemon=True).start()
    base = "http://127.0.0.1:%d" % server.port
    for n in range(20):
        with urllib.request.urlopen(base + "/shop/item/%d" % n) as answer:
            assert json.load(answer)["n"] == n
        with urllib.request.urlopen(base + "/shop/ann") as answer:
            assert b"<h1>ANN</h1>" in answer.read()
    rest(url=base + "/shop/item/")


if __name__ == "__main__":
    main()
