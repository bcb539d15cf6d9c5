"""Django: models in a database of memory, a view with a template, URLs and
middleware, served by the wsgi handler to a client on a socket.

SPDX-License-Identifier: MIT
"""
import threading
import urllib.request
import wsgiref.simple_server

import django
from django.conf import settings

from rest import rest

settings.configure(
    DEBUG=False,
    SECRET_KEY="not very",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="app_django",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth",
                    "django.contrib.sessions"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.csrf.CsrfViewMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3",
                           "NAME": "file:shop?mode=memory&cache=shared"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    USE_TZ=True,
)
django.setup()

from django.db import connection, models
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.urls import path

PAGE = engines["django"].from_string(
    "<h1>{{ shop.name }}</h1>{% for i in items %}<li>{{ i }}</li>{% endfor %}")


class Shop(models.Model):
    name = models.CharField(max_length=50)
    opened = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "shop"


class Item(models.Model):
    shop = models.ForeignKey(Shop, on_delete=models.CASCADE)
    title = models.CharField(max_length=50)
    price = models.DecimalField(max_digits=8, decimal_places=2)

    class Meta:
        app_label = "shop"

    def __str__(self):
        return self.title


def shop_page(request, name):
    shop = Shop.objects.get(name=name)
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(PAGE.render(
        {"shop": shop, "items": shop.item_set.order_by("title")}))


def total(request):
    figures = Item.objects.aggregate(models.Sum("price"), models.Count("id"))
    return JsonResponse({k: str(v) for k, v in figures.items()})


urlpatterns = [path("shop/<str:name>/", shop_page), path("total/", total)]


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *words):
        pass


def main():
    from django.core.wsgi import get_wsgi_application

    with connection.schema_editor() as editor:
        editor.create_model(Shop)
        editor.create_model(Item)
    shop = Shop.objects.create(name="ann")
    Item.objects.bulk_create(
        Item(shop=shop, title="item %d" % n, price=n) for n in range(50))
    server = wsgiref.simple_server.make_server(
        "127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, name="server",
                     daemon=True).start()
    base = "http://127.0.0.1:%d" % server.server_port
    for _ in range(10):
        with urllib.request.urlopen(base + "/shop/ann/") as answer:
            assert answer.read().count(b"<li>") == 50
        with urllib.request.urlopen(base + "/total/") as answer:
            assert b'"price__sum": "1225' in answer.read()
    rest()


if __name__ == "__main__":
    # Its URLs are named by this module's name: one copy only.
    import sys
    sys.modules["app_django"] = sys.modules["__main__"]
    main()
